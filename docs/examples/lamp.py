#!/usr/bin/env python3
"""Light a lamp at the nurses' station while an urgent message is open.

    lamp.py ON OFF -- mosquitto_sub's own options

as on a small computer with a follow-up at its pin 17, which may read the topics and nothing else:

    lamp.py "gpioset gpiochip0 17=1" "gpioset gpiochip0 17=0" -- \
        -h broker.example.org -p 8883 --capath /etc/ssl/certs -u lamp -P "$LAMP_PASSWORD" \
        -t officeline/lakeside/urgent -t officeline/lakeside/up

The lamp is lit, too, while the line is down and while nothing was heard for three minutes: a dark
lamp means that somebody looked, and nothing waits. It needs Python and mosquitto-clients alone.
"""

from __future__ import annotations

import json
import os
import select
import shlex
import signal
import subprocess
import sys
from contextlib import suppress

SILENCE_S = float(os.environ.get("LAMP_SILENCE_S", "180"))  # the line says "up" each minute


def lit(said: dict[str, dict[str, object]]) -> bool:
    """Tell whether the lamp is lit, by what was said last of each kind."""
    return said.get("up", {}).get("up") is not True or said.get("urgent", {}).get("open") != 0


def main() -> None:
    """Follow the events until mosquitto_sub ends."""
    split = sys.argv.index("--")
    switch = {True: sys.argv[1], False: sys.argv[2]}
    words = ["mosquitto_sub", *sys.argv[split + 1 :]]
    said: dict[str, dict[str, object]] = {}
    shown: bool | None = None
    rest = b""
    with subprocess.Popen(words, stdout=subprocess.PIPE, bufsize=0) as client:
        assert client.stdout is not None  # noqa: S101  # a pipe was asked for
        # Whoever ends the lamp ends its client, which would listen on for ever.
        signal.signal(signal.SIGTERM, lambda *_: client.terminate())
        while True:
            now = lit(said)
            if now != shown:
                subprocess.run(shlex.split(switch[now]), check=False)
                shown = now
            if not select.select([client.stdout], [], [], SILENCE_S)[0]:
                said.clear()
                continue
            heard = client.stdout.read(65536)
            if not heard:
                break
            *lines, rest = (rest + heard).split(b"\n")
            for line in lines:
                with suppress(ValueError, KeyError, TypeError):  # anybody can publish anything
                    found = json.loads(line)
                    said[str(found["kind"])] = found
    subprocess.run(shlex.split(switch[True]), check=False)


if __name__ == "__main__":
    main()
