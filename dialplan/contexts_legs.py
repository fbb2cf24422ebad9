"""The static contexts for phones that ring for a caller; part of `dialplan.contexts`."""

from typing import Final

LEGS: Final = r"""; ---- One person's leg: reached through Local/<person>@leg/n only --------------------------------
[leg]
exten => _[a-z].,1,Set(OL_WHO=${FILTER(a-z0-9\-_,${EXTEN})})
; Past their limit they stay away, or Asterisk's own would keep out a desk phone that dials 911.
 same => n,Set(GROUP()=officeline-legs)
 same => n,GotoIf($[${GROUP_COUNT(officeline-legs)} > ${OL_MAX_LEGS}]?nobody)
; How to dial: from the verdict, else from the last heartbeat, else from this file.
 same => n,Set(OL_DIALED=${OL_TO_${OL_WHO}})
 same => n,GotoIf($["${OL_DIALED}" != ""]?known)
 same => n,Set(OL_DIALED=${DB(officeline/to/${OL_WHO})})
 same => n,GotoIf($["${OL_DIALED}" != ""]?known)
 same => n,Set(OL_DIALED=${OL_FALLBACK_${OL_WHO}})
 same => n,GotoIf($["${OL_DIALED}" = ""]?nobody)
 same => n(known),Set(OL_AT=${OL_KIND_${OL_WHO}})
 same => n,GotoIf($["${OL_AT}" != "" & "${OL_AT}" != "*"]?desk)
; What a mobile shows is the office, never the patient.
 same => n,Set(OL_SHOW=${IF($["${OL_SHOW}" = ""]?${OL_NUMBER}:${OL_SHOW})})
 same => n,Set(CALLERID(all)="${OL_NAME}" <${OL_SHOW}>)
 same => n,Set(CALLERID(pres)=allowed_passed_screen)
 same => n,Set(CALLERID(ani)=${OL_SHOW})
 same => n,Set(CALLERID(rdnis)=)
 same => n,MSet(_OL_LEG=${CHANNEL(name)},_OL_RING=${OL_RING})
 same => n,GotoIf($["${OL_AT}" = "*"]?service)
 same => n,Dial(${OL_DIALED}&Local/s@watch/n,$[${OL_RING} + 20]^4,IU(confirm^${OL_WHO}^${OL_WHISPER}^${OL_PIN_${OL_WHO}}^${OL_STEP}))
 same => n(nobody),Hangup()
 same => n(service),Dial(${OL_DIALED}&Local/s@watch/n,$[${OL_RING} + 20]^4,Ir)
 same => n,Hangup()
; A desk phone that is not registered is skipped; one that registered twice rings on both.
 same => n(desk),Set(OL_DIALED=${PJSIP_DIAL_CONTACTS(${OL_AT})})
 same => n,GotoIf($["${OL_DIALED}" = ""]?nobody)
 same => n,Dial(${OL_DIALED},${OL_RING},I)
 same => n,Hangup()
exten => i,1,Hangup()
exten => e,1,Hangup()
exten => T,1,Hangup()
exten => h,1,NoOp()

; ---- Beside each mobile that is dialed: how long it is looked for, and how long it rings -----------
; Dial's second time, of 4 s, ends a leg on which nothing rings, and a carrier's 100 Trying does not
; stop it. Asterisk's causes show that the carrier answered at all: from then on the phone is looked
; for 15 s, and rings OL_RING seconds from when it is found. Ticks of 0.2 s are counted, because the
; clock may be set. Where a carrier plays something first (183), or sends the call on (181) or into a
; queue (182), what comes next counts anew, up to the ringing (180).
[watch]
exten => s,1,Set(CDR_PROP(disable)=1)
 same => n,MSet(OL_TICK=0,OL_END=75,OL_FOUND=0)
 same => n(silent),Wait(0.2)
 same => n,Set(OL_TICK=$[${OL_TICK} + 1])
 same => n,Set(OL_PHONE=${IMPORT(${OL_LEG},HANGUPCAUSE_KEYS())})
 same => n,GotoIf($["${OL_PHONE}" = ""]?silent)
 same => n,Ringing()
 same => n(look),GotoIf($[${CHANNEL_EXISTS(${OL_PHONE})} = 0]?over)
 same => n,Set(OL_SAID=${IMPORT(${OL_LEG},HANGUPCAUSE(${OL_PHONE},tech))})
 same => n,Set(OL_SAID=${OL_SAID:4:3})
 same => n,GotoIf($["${OL_SAID:0:2}" != "18"]?tick)
 same => n,GotoIf($["${OL_FOUND}" = "180" | "${OL_FOUND}" = "${OL_SAID}" | ${OL_TICK} > 75]?tick)
 same => n,MSet(OL_FOUND=${OL_SAID},OL_END=$[${OL_TICK} + ${OL_RING} * 5])
 same => n(tick),GotoIf($[${OL_TICK} >= ${OL_END}]?enough)
 same => n,Wait(0.2)
 same => n,Set(OL_TICK=$[${OL_TICK} + 1])
 same => n,Goto(look)
; Whoever picks up in this moment is not hung up on.
 same => n(enough),GotoIf($["${IMPORT(${OL_PHONE},CHANNEL(state))}" = "Up"]?over)
 same => n,SoftHangup(${OL_PHONE})
 same => n(over),Hangup()
exten => i,1,Hangup()
exten => e,1,Hangup()
exten => T,1,Hangup()
exten => h,1,NoOp()

; ---- The question at a person's ear: only a pressed 1, or a PIN, is an acknowledgment ------------
; Of several who accept, one is connected: the caller's own channel (the master) keeps who was first,
; and whoever comes later is told. A first one who is gone again counts for nothing. The master keeps
; in which turn the call is, too (OL_NOW): who was called in an earlier one is told that it is too late.
; Where the caller has hung up there is no such channel any more, and Asterisk reads our own in its place.
[confirm]
; A subroutine that returns with this unset would bridge the patient to a voicemail.
exten => s,1,Set(GOSUB_RESULT=CONTINUE)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: leg-answered,Who: ${ARG1},Call: ${CHANNEL(linkedid)})
 same => n,Set(OL_PROMPT=${IF($["${ARG2}" = ""]?:${ARG2}&)})
 same => n,Set(OL_TRY=1)
 same => n,GotoIf($["${ARG3}" != ""]?pin)
 same => n(press),Set(TIMEOUT(absolute)=0)
 same => n,Set(OL_PROMPT=${OL_PROMPT}accept-prompt)
 same => n,Set(OL_TRY=1)
 same => n(again),Read(OL_KEY,${OL_PROMPT},1,,1,4)
 same => n,GotoIf($["${OL_KEY}" = "1"]?accept)
; A pound key after a wrong key must not use up the second try.
 same => n,GotoIf($[${LEN(${OL_KEY})} = 0]?silent)
 same => n,Read(OL_MORE,,20,,1,0.8)
 same => n(silent),GotoIf($["${MASTER_CHANNEL(OL_NOW)}" != "${ARG4}"]?over)
 same => n,Set(OL_FIRST=${MASTER_CHANNEL(OL_TAKEN)})
 same => n,GotoIf(${CHANNEL_EXISTS(${IF($["${OL_FIRST}" = ""]?nobody:${OL_FIRST})})}?taken)
; A prompt that went missing makes Read return at once: then ask again without it.
 same => n,Set(OL_PROMPT=${IF($["${READSTATUS}" = "ERROR"]?:${OL_PROMPT})})
 same => n,Set(OL_TRY=$[${OL_TRY} + 1])
 same => n,GotoIf($[${OL_TRY} <= 2]?again)
 same => n(declined),UserEvent(OfficeLine,Token: ${OL_TOKEN},What: leg-declined,Who: ${ARG1},Call: ${CHANNEL(linkedid)})
 same => n,Return()
 same => n(accept),GotoIf($["${MASTER_CHANNEL(UNIQUEID)}" = "${UNIQUEID}"]?gone)
 same => n,Set(OL_LOCKED=${LOCK(accept)})
 same => n,Set(OL_FIRST=${MASTER_CHANNEL(OL_TAKEN)})
 same => n,Set(OL_LATE=${CHANNEL_EXISTS(${IF($["${OL_FIRST}" = ""]?nobody:${OL_FIRST})})})
 same => n,Set(OL_OVER=${IF($["${MASTER_CHANNEL(OL_NOW)}" = "${ARG4}"]?0:1)})
 same => n,Set(MASTER_CHANNEL(OL_TAKEN)=${IF($["${OL_LATE}${OL_OVER}" = "00"]?${UNIQUEID}:${OL_FIRST})})
 same => n,Set(OL_LOCKED=${UNLOCK(accept)})
 same => n,GotoIf($["${OL_LATE}" = "1"]?taken)
 same => n,GotoIf($["${OL_OVER}" = "1"]?over)
 same => n,Set(GOSUB_RESULT=)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: leg-accepted,Who: ${ARG1},Call: ${CHANNEL(linkedid)},Turn: ${ARG4})
 same => n,Return()
 same => n(over),GotoIf($["${MASTER_CHANNEL(UNIQUEID)}" = "${UNIQUEID}"]?gone)
 same => n,Set(OL_PROMPT=too-late)
 same => n,Goto(late)
; A call of the office's own has no step: whoever is asked for too long hears that it is too late.
 same => n(gone),Set(OL_PROMPT=${IF($["${ARG4}" = ""]?too-late:caller-gone)})
 same => n,Goto(late)
 same => n(taken),Set(OL_PROMPT=taken)
 same => n(late),UserEvent(OfficeLine,Token: ${OL_TOKEN},What: leg-too-late,Who: ${ARG1},Call: ${CHANNEL(linkedid)})
 same => n,Playback(${OL_PROMPT})
 same => n,Return()
; Where no control layer says yes or no, it is dead or knows no PIN of theirs: then a 1 counts, so
; that a patient is never kept from a physician by us. A try takes 30 seconds at most. The first digit is
; read alone: on a called phone Read waits 2 s for the next, whatever it is told, if a sentence follows.
 same => n(pin),GotoIf($["${MASTER_CHANNEL(OL_NOW)}" != "${ARG4}"]?over)
 same => n,MSet(AGIEXITONHANGUP=yes,OL_BACK=slow,TIMEOUT(absolute)=30)
 same => n,Read(OL_KEY,${OL_PROMPT}enter-pin,1,,1,5)
 same => n,GotoIf($["${READSTATUS}" = "ERROR"]?press)
 same => n,GotoIf($[${LEN(${OL_KEY})} = 0]?keyed)
 same => n,Read(OL_MORE,,5,,1,5)
 same => n,Set(OL_KEY=${OL_KEY}${OL_MORE})
 same => n(keyed),MSet(OL_BACK=back,TIMEOUT(absolute)=4)
 same => n,AGI(${OL_AGI}/pin,${ARG1},${OL_TRY},${FILTER(0-9,${OL_KEY})})
 same => n(back),Set(TIMEOUT(absolute)=0)
 same => n,Set(OL_KEY=)
 same => n,GotoIf($["${OL_KNOWN}" = "${UNIQUEID}/${OL_TRY}/yes"]?accept)
 same => n,Read(OL_MORE,,20,,1,0.8)
 same => n,GotoIf($["${OL_KNOWN}" != "${UNIQUEID}/${OL_TRY}/no"]?press)
 same => n(slow),MSet(OL_PROMPT=pin-wrong&,TIMEOUT(absolute)=0)
 same => n,Set(OL_TRY=$[${OL_TRY} + 1])
 same => n,GotoIf($[${OL_TRY} <= 2]?pin)
 same => n,Goto(declined)
exten => i,1,Return()
exten => e,1,Return()
exten => T,1,Goto(s,${OL_BACK})
exten => h,1,NoOp()

"""
