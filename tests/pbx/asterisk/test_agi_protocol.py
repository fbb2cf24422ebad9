"""The AGI codec: everything that res_agi.c can say, and everything that it should not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.asterisk.agi.protocol import (
    COMMAND_LIMIT,
    HEADER_LIMIT,
    LINE_LIMIT,
    USAGE_LIMIT,
    VARIABLE_LIMIT,
    WORD_LIMIT,
    AgiReader,
    AgiRequest,
    Hangup,
    ProtocolError,
    Reply,
    encode_command,
    encode_variables,
)

HEADERS = (
    b"agi_network: yes\nagi_network_script: route\nagi_channel: PJSIP/trunk-00000001\n"
    b"agi_uniqueid: 1795456655.31\nagi_callerid: +19175550123\nagi_calleridname: A Patient\n"
    b"agi_arg_1: 1\nagi_arg_2: +12125550100\nagi_arg_3: \n\n"
)
REPLIES = (
    b"200 result=1 (a value)\n100 result=0 trying\n200 result=-1 endpos=1024\n"
    b"510 Invalid or unknown command\n511 Command Not Permitted on a dead channel or intercept\n"
    b"520-Invalid command syntax.  Proper usage follows:\n Usage: ANSWER\n more\n"
    b"520 End of proper usage.\nHANGUP\n200 result=0\n"
)
EXPECTED = [
    Reply(200, "1", "a value"),
    Reply(200, "-1", "endpos=1024"),
    Reply(510, "", "Invalid or unknown command"),
    Reply(511, "", "Command Not Permitted on a dead channel or intercept"),
    Reply(520, "", "Invalid command syntax.  Proper usage follows:\n Usage: ANSWER\n more"),
    Hangup(),
    Reply(200, "0", ""),
]


def read(*chunks: bytes) -> list[AgiRequest | Reply | Hangup]:
    """Feed chunks to a fresh reader and return everything it made of them."""
    reader = AgiReader()
    return [value for chunk in chunks for value in reader.feed(chunk)]


def test_a_question_is_read() -> None:
    """The header block gives script, channel, caller and arguments."""
    (request,) = read(HEADERS)
    assert isinstance(request, AgiRequest)
    assert request.script == "route"
    assert request.uniqueid == "1795456655.31"
    assert request.channel == "PJSIP/trunk-00000001"
    assert request.callerid == "+19175550123"
    assert request.args == ("1", "+12125550100", "")


def test_an_unknown_caller_is_an_empty_one() -> None:
    """Asterisk writes 'unknown' where there is no number."""
    (request,) = read(b"agi_callerid: unknown\n\n")
    assert isinstance(request, AgiRequest)
    assert request.callerid == ""


def test_every_reply_is_read() -> None:
    """200 with and without data, 100 skipped, 510, 511, a 520 of many lines, and HANGUP."""
    assert read(HEADERS, REPLIES)[1:] == EXPECTED


@given(st.data())
def test_it_does_not_matter_how_the_bytes_are_cut(data: st.DataObject) -> None:
    """Half lines, single bytes or all at once give the same values."""
    stream = HEADERS + REPLIES
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=40).map(sorted))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read(*chunks)[1:] == EXPECTED


def test_byte_by_byte() -> None:
    """The slowest peer that there can be."""
    stream = HEADERS + REPLIES
    assert read(*(stream[i : i + 1] for i in range(len(stream))))[1:] == EXPECTED


def test_the_first_header_of_a_name_counts() -> None:
    """A caller's name with a line break in it cannot replace a header that came before."""
    (request,) = read(b"agi_uniqueid: 1.1\nagi_calleridname: x\nagi_uniqueid: 6.6\nevil\n\n")
    assert isinstance(request, AgiRequest)
    assert request.uniqueid == "1.1"
    assert set(request.headers) == {"agi_uniqueid", "agi_calleridname"}


def test_bad_utf8_is_replaced() -> None:
    """A name in Latin-1 does not end the question."""
    (request,) = read(b"agi_calleridname: Ren\xe9\nagi_uniqueid: 1.1\n\n")
    assert isinstance(request, AgiRequest)
    assert request.headers["agi_calleridname"] == "Ren\ufffd"


@pytest.mark.parametrize(
    "stream",
    [
        b"agi_channel: " + b"x" * LINE_LIMIT + b"\n\n",
        b"x" * (LINE_LIMIT + 1),
        b"agi_a: 1\n" * (HEADER_LIMIT + 1),
        HEADERS + b"hello\n",
        HEADERS + b"520-Usage\n" + b"more\n" * (USAGE_LIMIT + 1),
    ],
    ids=["long header", "endless line", "too many headers", "no reply", "endless usage"],
)
def test_more_than_we_hold_is_refused(stream: bytes) -> None:
    """Every buffer has a bound, and a line that is no reply is not guessed at."""
    with pytest.raises(ProtocolError):
        read(stream)


@pytest.mark.parametrize("stream", [HEADERS[:40], HEADERS[:-1], HEADERS + b"200 resu"])
def test_an_end_in_the_middle_is_reported(stream: bytes) -> None:
    """EOF inside a line or the headers is an error; between two values it is not."""
    reader = AgiReader()
    list(reader.feed(stream))
    with pytest.raises(ProtocolError):
        reader.eof()


@pytest.mark.parametrize("stream", [b"", HEADERS, HEADERS + REPLIES])
def test_an_end_between_values_is_none(stream: bytes) -> None:
    """A peer that connects and closes has done nothing wrong."""
    reader = AgiReader()
    list(reader.feed(stream))
    reader.eof()


@pytest.mark.parametrize("hostile", ["a\nHANGUP", "a\rb", "a\0b"])
def test_a_command_is_one_line(hostile: str) -> None:
    """CR, LF and NUL are refused."""
    with pytest.raises(ValueError, match="line break"):
        encode_command("VERBOSE", hostile)


def test_a_value_may_hold_parentheses() -> None:
    """What a variable holds is all between the outer ones; a note behind them is none of it."""
    assert read(HEADERS, b"200 result=1 (A (B) C)\n")[1:] == [Reply(200, "1", "A (B) C")]
    assert read(HEADERS, b"200 result=0 (timeout) endpos=1\n")[1:] == [Reply(200, "0", "timeout")]


def test_a_command_fits_into_what_asterisk_holds() -> None:
    """At each limit it passes, one past it it is refused; nothing is cut off silently."""
    assert len(encode_command("VERBOSE", "x" * (COMMAND_LIMIT - 9))) == COMMAND_LIMIT
    with pytest.raises(ValueError, match="bytes"):
        encode_command("VERBOSE", "x" * (COMMAND_LIMIT - 8))
    longest = "x" * (COMMAND_LIMIT - len('EXEC MSet "V="\n'))
    assert len(encode_variables({"V": longest})) == COMMAND_LIMIT
    with pytest.raises(ValueError, match="bytes"):
        encode_variables({"V": longest + "x"})
    assert encode_command(*"a" * WORD_LIMIT)
    with pytest.raises(ValueError, match="words"):
        encode_command(*"a" * (WORD_LIMIT + 1))


@pytest.mark.parametrize("count", [0, VARIABLE_LIMIT + 1])
def test_a_verdict_fits_into_what_asterisk_splits(count: int) -> None:
    """Past its last argument MSet would put the proof of the verdict into another variable."""
    assert encode_variables({f"V{i}": "1" for i in range(VARIABLE_LIMIT)})
    with pytest.raises(ValueError, match="variables, not 1 to"):
        encode_variables({f"V{i}": "1" for i in range(count)})


def parse_args(line: str) -> list[str]:
    """Split a command into words, as Asterisk's res/res_agi.c does."""
    words: list[list[str]] = []
    quoted = escaped = False
    whitespace = True
    for character in line:
        if character == '"' and not escaped:
            quoted = not quoted
            if quoted and whitespace:
                words.append([])
                whitespace = False
        elif character in " \t" and not quoted and not escaped:
            whitespace = True
        elif character == "\\" and not escaped:
            escaped = True
            continue
        else:
            if whitespace:
                words.append([])
                whitespace = False
            words[-1].append(character)
        escaped = False
    return ["".join(word) for word in words]


TEXT = st.characters(codec="utf-8", exclude_characters="\r\n\0")


@given(st.lists(st.text(TEXT), min_size=1, max_size=5))
def test_asterisk_reads_the_words_that_we_wrote(words: list[str]) -> None:
    """Quotes, backslashes and spaces arrive as they left."""
    line = encode_command("VERBOSE", *words).decode()
    assert line.endswith("\n")
    assert parse_args(line[:-1]) == ["VERBOSE", *words]


def test_what_is_no_text_is_refused_without_repeating_it() -> None:
    """A lone surrogate cannot be written, and the error may not hold what stood beside it."""
    with pytest.raises(ValueError, match="UTF-8") as refused:
        encode_command("VERBOSE", "+12125550111\ud800")
    assert "0111" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_variables_keep_their_order() -> None:
    """The proof that a verdict is one is set last, in the same command."""
    line = encode_variables(
        {"OL_DO": "escalation", "_OL_SHOW": "+12125550100", "OL_VERDICT": "1.1/1"}
    )
    assert line == b'EXEC MSet "OL_DO=escalation,_OL_SHOW=+12125550100,OL_VERDICT=1.1/1"\n'


@pytest.mark.parametrize(
    "value", ["a,B=1", 'a"', "a\\", "${SHELL(id)}", "a(b)", "a;b", "a\n", "[x]"]
)
def test_a_value_that_asterisk_would_read_twice_is_refused(value: str) -> None:
    """Nothing that the argument splitter or the variable substitution understands gets through."""
    with pytest.raises(ValueError, match="plain value"):
        encode_variables({"OL_SAY": value})


@pytest.mark.parametrize("name", ["", "a b", "CALLERID(num)", "a=b", "___a", "1a"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    """Functions cannot be written to by accident."""
    with pytest.raises(ValueError, match="not a name"):
        encode_variables({name: "1"})
