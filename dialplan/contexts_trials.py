"""The static contexts of the line's own trials, beside those of `dialplan.contexts`."""

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
"""
