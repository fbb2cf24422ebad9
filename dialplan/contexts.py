"""The static contexts, written in Asterisk's syntax exactly as they run.

The names match `dialplan.names`, which a test checks. Each context has the extensions `i`, `e`, `T`
and `h`. People, numbers and paths are globals or channel variables, so none is written here.
"""

from typing import Final

from dialplan.contexts_legs import LEGS

_CALLS: Final = r"""
; ---- A call of a patient: clean what strangers wrote, then ask --------------------------------
[call]
; From and Diversion may hold line breaks and worse: carriers hand on what anybody sent. Callers past
; the limit get 503; Asterisk's own limit is far above, or nobody could ring for those who are in.
exten => s,1,Set(CALLERID(num)=${FILTER(+0-9,${CALLERID(num)})})
 same => n,Set(CALLERID(name)=${FILTER(A-Za-z0-9 .\-,${CALLERID(name)})})
 same => n,Set(CALLERID(ani)=${CALLERID(num)})
 same => n,Set(CALLERID(rdnis)=)
 same => n,Set(CALLERID(dnid)=${OL_DID})
; A number that came although it is withheld is nobody's to see (RFC 3323; Remote-Party-ID before it).
 same => n,GotoIf($["${FILTER(a-z,${TOLOWER(${PJSIP_HEADER(read,Privacy)})})}" =~ "id|user|full"]?withheld)
 same => n,GotoIf($["${FILTER(a-z=,${TOLOWER(${PJSIP_HEADER(read,Remote-Party-ID)})})}" =~ "privacy=(full|uri)"]?withheld:known)
 same => n(withheld),Set(CALLERID(all)="Anonymous" <>)
 same => n,Set(CALLERID(ani)=)
 same => n,Set(CALLERID(pres)=prohib)
; A test call of ours may be on its way back to this number, and not have come yet.
 same => n(known),GotoIf($[${GROUP_COUNT(${OL_DID}@canary)} > ${GROUP_COUNT(${OL_DID}@canary-back)}]?trial)
 same => n(taken),Set(GROUP()=officeline)
 same => n,GotoIf($[${GROUP_COUNT(officeline)} > ${OL_MAX_CALLS}]?full)
; The standby writes down also who hung up meanwhile: a SIGHUP would end it before.
 same => n,MSet(AGIEXITONHANGUP=yes,AGISIGHUP=no,OL_TURN=0,OL_EVENT=arrived,OL_HOLD=officeline)
 same => n,Goto(ask,s,1)
 same => n(full),Set(CDR_PROP(disable)=1)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: full,Call: ${CHANNEL(linkedid)})
 same => n,Hangup(42)
 same => n(trial),GotoIf($["${CALLERID(num):-${LEN(${OL_NATIONAL})}}" = "${OL_NATIONAL}"]?canary,back,1:canary,doubt,1)
exten => i,1,Goto(failsafe,s,1)
exten => e,1,Goto(failsafe,s,1)
exten => T,1,Goto(failsafe,s,1)
exten => h,1,NoOp()

; ---- One question to the control layer, under the watchdog -------------------------------------
; With what the standby takes, a control layer that hangs costs its caller no more than four seconds.
[ask]
exten => s,1,MSet(OL_TURN=$[${OL_TURN} + 1],TIMEOUT(absolute)=3.7)
 same => n,Set(MASTER_CHANNEL(OL_NOW)=${OL_TURN})
 same => n,AGI(${OL_AGI}/route,${OL_TURN},${OL_DID},${OL_EVENT},${OL_DETAIL},${OL_STATE})
 same => n(back),Set(TIMEOUT(absolute)=0)
; A verdict counts only with this call's own id and this question's number: a control layer that
; crashed in the middle of its answer also reports success.
 same => n,GotoIf($["${OL_VERDICT}" = "${UNIQUEID}/${OL_TURN}"]?do,${OL_DO},1)
 same => n,Goto(standby,s,1)
exten => T,1,Goto(s,back)
exten => i,1,Goto(failsafe,s,1)
exten => e,1,Goto(failsafe,s,1)
exten => h,1,NoOp()

; ---- No verdict: the same question to a process of our own, under a watchdog ---------------
[standby]
exten => s,1,Set(TIMEOUT(absolute)=4)
 same => n,AGI(${OL_STANDBY},${OL_TURN},${OL_DID},${OL_EVENT},${OL_DETAIL},${OL_STATE})
 same => n(back),Set(TIMEOUT(absolute)=0)
 same => n,GotoIf($["${OL_VERDICT}" = "${UNIQUEID}/${OL_TURN}"]?do,${OL_DO},1)
 same => n,Goto(failsafe,s,1)
exten => T,1,Goto(s,back)
exten => i,1,Goto(failsafe,s,1)
exten => e,1,Goto(failsafe,s,1)
exten => h,1,NoOp()

; ---- What a verdict can ask for: one extension each ---------------------------------------------
[do]
; Some press a key twice, or a pound key after it: that must not answer what is asked next. What asks
; next hears it out; to wait here would lose whoever presses 1 and hangs up.
exten => menu,1,Answer()
 same => n,GotoIf($[${LEN(${OL_KEY})} = 0]?quiet)
 same => n,Read(OL_MORE,,20,,1,0.8)
 same => n(quiet),Read(OL_KEY,${OL_SAY},1,,1,${OL_PAUSE})
 same => n,Set(OL_EVENT=pressed)
 same => n,Set(OL_DETAIL=${FILTER(0-9*#,${OL_KEY})})
 same => n,Goto(ask,s,1)

; People key in a number with the country's 1 or without, and end it with a pound key or a pause.
; OL_DIGITS are waited for, one more after a 1, and up to twenty after a 0, which leads abroad. Then
; comes the pound key, or digits too many, which must not answer what is asked next. Many hang up as
; soon as they have keyed it in: the number is reported before that wait, and where only a pause ends
; it, at the hangup. Later keys are lost in words.
exten => number,1,Answer()
 same => n,GotoIf($[${LEN(${OL_KEY})} = 0]?quiet)
 same => n,Read(OL_MORE,,20,,1,0.8)
 same => n(quiet),MSet(OL_KEY=,OL_MORE=,OL_KEYS=on)
 same => n,Read(OL_KEY,${OL_SAY},1,,1,${OL_PAUSE})
 same => n,GotoIf($[${LEN(${OL_KEY})} = 0]?keyed)
 same => n,Set(OL_DIGITS=${IF($["${OL_KEY}" = "0"]?20:$[${OL_DIGITS} + ("${OL_KEY}" = "1")])})
 same => n,Read(OL_MORE,,$[${OL_DIGITS} - 1],,1,5)
 same => n,MSet(OL_KEY=${OL_KEY}${OL_MORE},OL_KEYS=)
 same => n,GotoIf($[${LEN(${OL_KEY})} < ${OL_DIGITS}]?keyed)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: number-keyed,Call: ${CHANNEL(linkedid)},Number: ${FILTER(0-9,${OL_KEY})})
 same => n,Read(OL_MORE,,20,,1,0.7)
 same => n,Set(OL_KEY=${OL_KEY}${OL_MORE})
 same => n(keyed),MSet(OL_EVENT=keyed,OL_KEYS=)
 same => n,Set(OL_DETAIL=${FILTER(0-9,${OL_KEY})})
 same => n,Goto(ask,s,1)

; Answered at once (option i): the phones must not wait for the caller's first audio packet. Each
; leg ends by itself: it is looked for, rings OL_RING seconds, and is asked. None outlasts 120 more,
; and whoever accepts when this step is over, by its number, is too late.
exten => escalation,1,Answer(,i)
 same => n,GotoIf($["${OL_SAY}" = ""]?dial)
 same => n,Playback(${OL_SAY})
 same => n(dial),MSet(EXITCONTEXT=hold,_OL_STEP=${OL_TURN})
 same => n,Dial(${OL_DIAL},$[${OL_RING} + 120],Idm(${OL_HOLD}))
 same => n,Set(OL_EVENT=rang)
 same => n,Set(OL_DETAIL=${DIALSTATUS})
 same => n,Goto(ask,s,1)

exten => desk,1,Dial(${OL_DIAL},$[${OL_RING} + 20],I)
 same => n,Set(OL_EVENT=rang)
 same => n,Set(OL_DETAIL=${DIALSTATUS})
 same => n,Goto(ask,s,1)

exten => wait,1,Answer()
 same => n,Goto(hold,s,1)

; In a few words what it is about; any key ends it.
exten => reason,1,Answer()
 same => n,Playback(${OL_SAY})
 same => n,Record(${OL_RECORD}.wav,4,${OL_PAUSE},kqy)
 same => n,Set(OL_EVENT=recorded)
 same => n,Set(OL_DETAIL=${RECORD_STATUS})
 same => n,Goto(ask,s,1)

; k keeps what was said when the caller hangs up, which is how most messages end; q, because the
; last of the sounds before it is our own beep.
exten => message,1,Answer()
 same => n,Playback(${OL_SAY})
 same => n,Record(${OL_RECORD}.wav,5,180,kq)
 same => n,Set(OL_EVENT=recorded)
 same => n,Set(OL_DETAIL=${RECORD_STATUS})
 same => n,Goto(ask,s,1)

exten => goodbye,1,Answer()
 same => n,Playback(${OL_SAY})
 same => n,Hangup(16)

exten => reject,1,Hangup(21)

; Star may be a mistake: what the call remembers waits until somebody has said who they are. Turns are
; counted on, so that no verdict of the one can be taken for the other's.
exten => callin,1,Answer()
 same => n,GotoIf($[${LEN(${OL_KEY})} = 0]?quiet)
 same => n,Read(OL_MORE,,20,,1,0.8)
 same => n(quiet),MSet(OL_BACK=${OL_STATE},OL_STATE=,OL_EVENT=arrived,OL_DETAIL=)
 same => n,Goto(consult,s,1)

exten => canary,1,Goto(canary,told,1)

exten => i,1,Goto(failsafe,s,1)
exten => e,1,Goto(failsafe,s,1)
exten => T,1,Goto(failsafe,s,1)
; Hung up in the middle of a number: what was keyed is reported, and counts if it is a whole one.
exten => h,1,GotoIf($["${OL_KEYS}" = ""]?over)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: number-keyed,Call: ${CHANNEL(linkedid)},Number: ${FILTER(0-9,${OL_KEY}${OL_MORE})})
 same => n(over),NoOp()

; ---- On hold between two steps, and where star leads while phones ring ---------------------------
[hold]
exten => s,1,WaitExten(${OL_PAUSE},m(${OL_HOLD}))
 same => n,Goto(t,1)
exten => t,1,Set(OL_EVENT=waited)
 same => n,Set(OL_DETAIL=)
 same => n,Goto(ask,s,1)
exten => *,1,Set(OL_EVENT=stopped)
 same => n,Set(OL_DETAIL=)
 same => n,Goto(ask,s,1)
exten => i,1,Goto(t,1)
exten => e,1,Goto(failsafe,s,1)
exten => T,1,Goto(failsafe,s,1)
exten => h,1,NoOp()

"""

_ALONE: Final = r"""; ---- No control layer, no database server, no DNS, no broker: Asterisk alone ---------------------
[failsafe]
; A test call ends here, and a drill hears first whom it would ring. Nobody is asked for a number, so the
; sentence before the message asks for it; and hospitals hear what they hear on their line otherwise.
exten => s,1,GotoIf($["${OL_CANARY}" != ""]?canary,lost,1)
 same => n,Set(_OL_RING=20)
 same => n,Set(_OL_SHOW=)
 same => n,Set(_OL_WHISPER=${IF($["${OL_BACKLINE}" = "yes"]?whisper-backline:whisper-urgent)})
 same => n,Set(OL_HOLD=${IF($["${OL_BACKLINE}" = "yes"]?officeline-backline:officeline)})
 same => n,Set(OL_LEGS=${DB(officeline/dial)})
 same => n,GotoIf($["${OL_DRILL}" != ""]?drill,told,1)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: failsafe,Call: ${CHANNEL(linkedid)})
 same => n,Answer(,i)
 same => n,GotoIf($["${OL_BACKLINE}" = "yes"]?direct)
 same => n,Playback(greeting-any)
 same => n(direct),Playback(connecting)
 same => n(dial),GotoIf($["${OL_LEGS}" = ""]?everybody)
 same => n,MSet(_OL_STEP=${UNIQUEID}/1,MASTER_CHANNEL(OL_NOW)=${UNIQUEID}/1)
 same => n,Dial(${OL_LEGS},$[${OL_RING} + 120],Im(${OL_HOLD}))
 same => n,GotoIf($["${OL_DRILL}" != ""]?drill,over,1)
 same => n(everybody),GotoIf($["${OL_FALLBACK}" = ""]?message)
 same => n,MSet(_OL_STEP=${UNIQUEID}/2,MASTER_CHANNEL(OL_NOW)=${UNIQUEID}/2)
 same => n,Dial(${OL_FALLBACK},$[${OL_RING} + 120],Im(${OL_HOLD}))
 same => n(message),GotoIf($["${OL_DRILL}" != ""]?drill,over,1)
 same => n,Set(MASTER_CHANNEL(OL_NOW)=over)
 same => n,GotoIf($["${OL_BACKLINE}" = "yes"]?hospital)
 same => n,Playback(not-reached&if-worse&leave-message&beep)
 same => n,Goto(words)
 same => n(hospital),Playback(not-reached&leave-message-backline&beep)
 same => n(words),Record(${OL_MESSAGES}/failsafe-${UNIQUEID}.wav,5,180,kq)
 same => n,UserEvent(OfficeLine,Token: ${OL_TOKEN},What: failsafe-recorded,Call: ${CHANNEL(linkedid)})
 same => n,Playback(message-urgent-saved&call-back)
 same => n,GotoIf($["${OL_BACKLINE}" = "yes"]?saved)
 same => n,Playback(if-worse)
 same => n(saved),Hangup(42)
exten => i,1,Hangup(42)
exten => e,1,Hangup(42)
exten => T,1,Hangup(42)
exten => h,1,NoOp()

; ---- The daemon calls itself through the real dialplan, and leaves what the failsafe needs -------
[heartbeat]
exten => s,1,Set(CDR_PROP(disable)=1)
 same => n,Set(AGIEXITONHANGUP=yes)
 same => n,Set(TIMEOUT(absolute)=4)
 same => n,AGI(${OL_AGI}/beat)
 same => n,Hangup()
exten => done,1,Hangup()
exten => i,1,Hangup()
exten => e,1,Hangup()
exten => T,1,Hangup()
exten => h,1,NoOp()
"""

STATIC: Final = _CALLS + LEGS + _ALONE
