"""The static contexts for calls from the office's own people; part of `dialplan.contexts`."""

from typing import Final

PEOPLE: Final = r"""
; ---- The physician's menu: a person about a message, after a PIN ---------------------------------
; Whom the follow-up called about what stands in OL_ABOUT, which only our own Originate sets. Whoever
; calls in comes straight to [consult], and has to say who they are. There is never a dial tone: what
; is dialed is the message's.
[physician]
exten => s,1,Set(AGIEXITONHANGUP=yes)
 same => n,Set(OL_TURN=0)
 same => n,Set(OL_EVENT=arrived)
 same => n,Set(OL_DETAIL=)
 same => n,Set(OL_STATE=${OL_ABOUT})
 same => n,Goto(consult,s,1)
exten => i,1,Hangup()
exten => e,1,Hangup()
exten => T,1,Hangup()
exten => h,1,NoOp()

[consult]
exten => s,1,Set(OL_TURN=$[${OL_TURN} + 1])
 same => n,Set(TIMEOUT(absolute)=8)
 same => n,AGI(${OL_AGI}/consult,${OL_TURN},${OL_DID},${OL_EVENT},${OL_DETAIL},${OL_STATE})
 same => n(back),Set(TIMEOUT(absolute)=0)
 same => n,GotoIf($["${OL_VERDICT}" = "${UNIQUEID}/${OL_TURN}"]?line,${OL_DO},1)
 same => n,Goto(returned,s,1)
exten => i,1,Goto(returned,s,1)
exten => e,1,Goto(returned,s,1)
exten => T,1,Goto(s,back)
exten => h,1,Goto(line,h,1)

; Who pressed star at a menu and did not say who they are is a patient: back to the menu, whatever
; became of the control layer. OL_BACK is empty for whoever was called, and after a right PIN.
[returned]
exten => s,1,GotoIf($["${OL_BACK}" = ""]?gone)
 same => n,MSet(OL_STATE=${OL_BACK},OL_BACK=,OL_EVENT=returned,OL_DETAIL=)
 same => n,Goto(ask,s,1)
 same => n(gone),Hangup()
exten => i,1,Goto(failsafe,s,1)
exten => e,1,Goto(failsafe,s,1)
exten => T,1,Goto(failsafe,s,1)
exten => h,1,NoOp()

; A pound key alone belongs to what was keyed before: the question is asked again. Digits beyond a PIN
; make it wrong, and a key of a menu that is pressed twice counts once.
[line]
exten => ask,1,Set(OL_TRY=1)
 same => n(ask),Read(OL_KEY,${OL_SAY},${OL_DIGITS},e,1,${OL_PAUSE})
 same => n,Set(OL_TRY=$[${OL_TRY} + 1])
 same => n,GotoIf($["${OL_KEY}" = "#" & ${OL_TRY} <= 3]?ask)
 same => n,GotoIf($[${LEN(${OL_KEY})} < ${OL_DIGITS}]?keyed)
 same => n,Read(OL_MORE,,20,,1,0.8)
 same => n,GotoIf($[${OL_DIGITS} = 1]?keyed)
 same => n,Set(OL_KEY=${OL_KEY}${OL_MORE})
 same => n(keyed),Set(OL_EVENT=keyed)
 same => n,Set(OL_DETAIL=${FILTER(0-9,${OL_KEY})})
 same => n,Goto(consult,s,1)
exten => note,1,Playback(${OL_SAY})
 same => n,Record(${OL_RECORD}.wav,4,${OL_PAUSE},kqy)
 same => n,Set(OL_EVENT=recorded)
 same => n,Set(OL_DETAIL=${RECORD_STATUS})
 same => n,Goto(consult,s,1)
exten => patient,1,Playback(${OL_SAY})
 same => n,Set(CALLERID(all)="${OL_NAME}" <${OL_SHOW}>)
 same => n,Set(CALLERID(pres)=allowed_passed_screen)
 same => n,Set(CALLERID(ani)=${OL_SHOW})
 same => n,Set(CALLERID(rdnis)=)
 same => n,MSet(OL_SINCE=,OL_UP=)
 same => n,Dial(${OL_DIAL},45,IgS(${OL_LONGEST})U(talked))
 same => n,Set(OL_UP=${IF($["${OL_SINCE}" = ""]?:$[${STRFTIME(,,%s%3q)} - 0${OL_SINCE}])})
 same => n,Set(OL_EVENT=called)
 same => n,Set(OL_DETAIL=${DIALSTATUS}:${OL_UP})
 same => n,Goto(consult,s,1)
exten => bye,1,Playback(${OL_SAY})
 same => n,Hangup(16)
exten => back,1,GotoIf($["${OL_SAY}" = ""]?menu)
 same => n,Playback(${OL_SAY})
 same => n(menu),Goto(returned,s,1)
exten => i,1,Goto(returned,s,1)
exten => e,1,Goto(returned,s,1)
exten => T,1,Goto(returned,s,1)
; How long the patient's phone was up, in ms: for whoever listens, and in the call record for
; whoever comes later. Asterisk's own ANSWEREDTIME counts how long the person's phone was up.
exten => h,1,GotoIf($["${OL_SINCE}" = ""]?nobody)
 same => n,GotoIf($["${OL_UP}" != ""]?known)
 same => n,Set(OL_UP=$[${STRFTIME(,,%s%3q)} - ${OL_SINCE}])
 same => n(known),Set(CDR(userfield)=${OL_UP})
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: talked,Call: ${CHANNEL(linkedid)},Up: ${OL_UP})
 same => n(nobody),NoOp()

[talked]
exten => s,1,Set(MASTER_CHANNEL(OL_SINCE)=${STRFTIME(,,%s%3q)})
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: talked,Call: ${CHANNEL(linkedid)},Up: 0)
 same => n,Return()
exten => i,1,Return()
exten => e,1,Return()
exten => T,1,Return()
exten => h,1,NoOp()

; ---- Somebody whose shift begins, after they pressed 1 -------------------------------------------
[shift]
exten => s,1,Playback(${OL_SAY})
 same => n,Hangup(16)
exten => i,1,Hangup()
exten => e,1,Hangup()
exten => T,1,Hangup()
exten => h,1,NoOp()

; ---- Somebody in the office dialed 911: each of the other desk phones rings and says so ----------
; What it shows is for the office's own eyes: a desk phone's id, never a person's number.
[emergency]
exten => _[a-z].,1,GotoIf($["${EXTEN}" = "${OL_DESK}"]?nobody)
 same => n,Set(OL_DIALED=${PJSIP_DIAL_CONTACTS(${EXTEN})})
 same => n,GotoIf($["${OL_DIALED}" = ""]?nobody)
 same => n,Set(CALLERID(all)="${OL_CALLED} from ${OL_DESK}" <${OL_NUMBER}>)
 same => n,Dial(${OL_DIALED},60,I)
 same => n(nobody),Hangup()
exten => 911,1,Set(OL_SAY=emergency-911${OL_SPOKEN})
 same => n,Goto(say,1)
exten => 933,1,Set(OL_SAY=emergency-933${OL_SPOKEN})
 same => n,Goto(say,1)
exten => say,1,Wait(1)
 same => n,Playback(${OL_SAY}&${OL_SAY})
 same => n,Hangup(16)
exten => i,1,Hangup()
exten => e,1,Hangup()
exten => T,1,Hangup()
exten => h,1,NoOp()
"""
