"""The static contexts for canary calls and drills; part of `dialplan.contexts`."""

from typing import Final

TRIALS: Final = r"""
; ---- A drill: the same question to nobody, and whom the failsafe would ring -----------------------
; Nobody is rung, unless OL_REALLY says so. The drill is the whole other side of that call: whoever
; presses 1 is connected with its end here, hears that it was a drill, and is hung up.
[drill]
exten => s,1,Set(CDR_PROP(disable)=1)
 same => n,Set(OL_AGI=agi://127.0.0.1:1)
 same => n,Set(OL_STANDBY=/bin/false)
 same => n,Set(AGIEXITONHANGUP=yes)
 same => n,Set(OL_TURN=0)
 same => n,Set(OL_EVENT=arrived)
 same => n,Goto(ask,s,1)
exten => told,1,Set(DB(officeline/drill)=${OL_DRILL} ${IF($["${OL_LEGS}" = ""]?${OL_FALLBACK}:${OL_LEGS})})
 same => n,GotoIf($["${OL_REALLY}" = "ring"]?failsafe,s,dial)
 same => n,Hangup()
exten => over,1,Hangup()
exten => done,1,Set(CDR_PROP(disable)=1)
 same => n,Wait(1)
 same => n,Playback(drill-over)
 same => n,Hangup(16)
exten => i,1,Hangup()
exten => e,1,Hangup()
exten => T,1,Hangup()
exten => h,1,NoOp()

; ---- A canary: one test call of ours to our own number, over the carrier and back ----------------
; Its mark are the groups of its channel, which name the line and a key that nobody else knows; they
; go with it, whoever dies. Our own end of it, once it is answered, says the key, listens, and presses
; a key of the menu.
[canary]
exten => out,1,Set(CDR_PROP(disable)=1)
 same => n,Set(GROUP(canary)=${OL_DID})
 same => n,Set(GROUP(canary-key)=${OL_KEY})
 same => n,Set(CALLERID(all)="${OL_NAME}" <${OL_NUMBER}>)
 same => n,Set(CALLERID(pres)=allowed_passed_screen)
 same => n,Set(CALLERID(ani)=${OL_NUMBER})
 same => n,Set(CALLERID(rdnis)=)
 same => n,Dial(${OL_DIAL},20,I)
 same => n,Hangup()
exten => calls,1,Set(TIMEOUT(absolute)=90)
 same => n,Wait(1)
 same => n,SendDTMF(${OL_KEY},100,120)
 same => n,Record(${OL_RECORD}.wav,0,${OL_LISTEN},kqx)
 same => n,GotoIf($["${OL_PRESS}" = ""]?over)
 same => n,SendDTMF(${OL_PRESS},100,200)
 same => n,Wait(8)
 same => n(over),Hangup(16)
; A call that came in on that line meanwhile. Ours shows the office's number, which anybody can claim,
; and says the key. In doubt the test call is hung up from its own end: a call that ends with it was
; ours, and one that stays is a patient's and goes on as if nothing had been.
exten => back,1,Answer()
 same => n,Read(OL_KEY,,8,,1,3)
 same => n,Set(OL_KEY=${FILTER(0-9,${OL_KEY})})
 same => n,GotoIf($[${LEN(${OL_KEY})} != 8]?doubt,1)
 same => n,GotoIf($[${GROUP_COUNT(${OL_KEY}@canary-key)} != 1]?doubt,1)
 same => n,Set(GROUP(canary-back)=${OL_DID})
 same => n,Set(CDR_PROP(disable)=1)
 same => n,Set(OL_CANARY=back)
 same => n,Set(OL_AGI=${OL_AGI}/canary)
 same => n,Set(OL_STANDBY=/bin/false)
 same => n,Set(AGIEXITONHANGUP=yes)
 same => n,Set(OL_TURN=0)
 same => n,Set(OL_EVENT=arrived)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: canary-came,Call: ${CHANNEL(linkedid)})
 same => n,Wait(1)
 same => n,Goto(ask,s,1)
exten => doubt,1,Set(OL_HELD=yes)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: canary-doubt,Call: ${CHANNEL(linkedid)})
 same => n,Ringing()
 same => n,Wait(3)
 same => n,Set(OL_HELD=)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: canary-stayed,Call: ${CHANNEL(linkedid)})
 same => n,Goto(call,s,taken)
; What the control layer answered to it: something to say, and never somebody to ring.
exten => told,1,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: canary-reported,Key: ${OL_DETAIL},Call: ${CHANNEL(linkedid)})
 same => n,Playback(${OL_SAY})
 same => n,Hangup(16)
exten => lost,1,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: canary-lost,Call: ${CHANNEL(linkedid)})
 same => n,Hangup(16)
exten => i,1,Goto(failsafe,s,1)
exten => e,1,Goto(failsafe,s,1)
exten => T,1,Goto(failsafe,s,1)
; One that hangs up while ours still lives is a patient who did not wait, and keeps its record.
exten => h,1,GotoIf($["${OL_HELD}" != "yes" | ${GROUP_COUNT(${OL_DID}@canary)} > 0]?stays)
 same => n,Set(CDR_PROP(disable)=1)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: canary-gone,Call: ${CHANNEL(linkedid)})
 same => n(stays),NoOp()
"""
