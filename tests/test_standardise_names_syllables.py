"""Syllables, character sets and input methods: every syllable of real names, there and back."""

from __future__ import annotations

import csv
import itertools
import unicodedata
from pathlib import Path

import pytest
from viet_text_tools import normalize_diacritics

from linkage.standardise import syllables
from linkage.standardise.charsets import decode_tcvn3, decode_vni, repair_legacy, repair_mojibake
from linkage.standardise.names import ascii_fold, canonical_name, sound_key, toneless
from linkage.standardise.syllables import TONE_MARKS, canonical_syllable, is_syllable, is_unmarked_syllable, with_tone
from linkage.standardise.syllables_typed import compose_digits, decode_telex, repair_keys

REFERENCE = Path(__file__).resolve().parents[2] / "shared" / "data"
needs_reference = pytest.mark.skipif(not REFERENCE.is_dir(), reason="reference data not present")

SYLLABLES = """
nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đinh đoàn trịnh mai đào trương lâm phùng hà
văn thị ngọc minh thanh hữu đức xuân quốc công đình kim thu hồng bích tuyết phương thảo trang hương loan oanh quỳnh
giang giáp giỏi gìn quyên quyết quý quế khuê khuyên nguyệt thủy thúy thụy hòa hóa hoài khỏe toàn luân tuân tuấn
duyên uyên uyển yến ý ánh ân ấn ưng ước ương bưởi lượng lựu hiếu kiều liễu nghĩa nghiêm nghị nghiệp thuận thuở
quới quờn hoắc khoảnh ngoan huệ huy duy tùy chuyển phước được đường trường tường
""".split()  # noqa: SIM905


@pytest.mark.parametrize("syllable", SYLLABLES)
def test_real_syllables_are_syllables(syllable: str) -> None:
    assert is_syllable(syllable)
    assert canonical_syllable(syllable) == syllable
    assert is_unmarked_syllable(ascii_fold(syllable))


@pytest.mark.parametrize(
    "word",
    [
        "",
        "brểu",
        "vawn",
        "nguyeenx",
        "huơng",
        "côp",
        "tach",
        "mích̃",
        "cim",
        "kan",
        "ngê",
        "qun",
        "zung",
        "nguyễñ",
        "ks",
        "an b",
    ],
)
def test_other_words_are_not(word: str) -> None:
    assert not is_syllable(word)


def test_tone_place_agrees_with_viet_text_tools() -> None:
    """Every spelling with its tone on every vowel; the rhyme "uya" apart, which never carries a tone."""
    spellings = [spelling for spelling in sorted(syllables._SPELLINGS)[::3] if not spelling.endswith("uya")]
    for spelling, tone in itertools.product(spellings, TONE_MARKS[:2]):
        expected = with_tone(spelling, tone)
        for at in (at for at, letter in enumerate(spelling, start=1) if letter in "aăâeêioôơuưy"):
            typed = unicodedata.normalize("NFC", spelling[:at] + tone + spelling[at:])
            assert normalize_diacritics(typed) == expected
            assert toneless(typed) == spelling


def test_coarser_forms() -> None:
    assert toneless("nguyễn thị đượm") == "nguyên thi đươm"
    assert ascii_fold("nguyễn thị đượm") == "nguyen thi duom"
    assert ascii_fold("łukasz søren") == "lukasz soren"
    assert ascii_fold("阮") == ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("lam", "nam"), ("sương", "xương"), ("châu", "trâu"), ("dung", "giung"), ("dũng", "rũng"), ("vân", "dân"),
        ("giang", "dang"), ("gì", "dì"), ("quý", "quí"), ("mỹ", "mĩ"), ("lan", "lang"), ("bình", "bìn"),
        ("tuấc", "tuất"), ("bích", "bít"), ("kan", "can"), ("ngĩa", "nghĩa"), ("gê", "ghê"), ("đặng", "dặng"),
        ("thúy", "thuý"), ("hải", "hãi"), ("yến", "iến"), ("fương", "phương"),
    ],
)  # fmt: skip
def test_sound_key_folds(one: str, other: str) -> None:
    assert sound_key(one) == sound_key(other)
    assert sound_key(ascii_fold(one)) == sound_key(one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("tai", "tay"),
        ("lan", "lam"),
        ("kha", "ca"),
        ("tha", "ta"),
        ("phan", "ban"),
        ("nga", "na"),
        ("ha", "a"),
        ("hoa", "hoan"),
    ],
)
def test_sound_key_keeps_apart(one: str, other: str) -> None:
    assert sound_key(one) != sound_key(other)


@pytest.mark.parametrize("letter", ["n", "ng", "k", "gi", "qu", "th", "y", "", "c", "nh"])
def test_sound_key_of_fragments(letter: str) -> None:
    assert bool(sound_key(letter)) == bool(letter)


# ------------------------------------------------------------------------------------------------- typed with keys


def _keys(syllable: str, shapes: dict[str, str], tones: str) -> str:
    """What the typist pressed: letters with their shape keys, the tone key last."""
    pressed, tone = "", ""
    for char in unicodedata.normalize("NFD", toneless(syllable)):
        # Telex writes the circumflex by doubling the letter.
        pressed += shapes.get(char + pressed[-1:], shapes.get(char, char))
    for mark in unicodedata.normalize("NFD", syllable):
        if mark in "\u0301\u0300\u0309\u0303\u0323":
            tone = tones["\u0301\u0300\u0309\u0303\u0323".index(mark)]
    return pressed + tone


TELEX = {"đ": "dd", "\u0306": "w", "\u031b": "w", "\u0302a": "a", "\u0302e": "e", "\u0302o": "o"}
VNI = {"đ": "d9", "\u0306": "8", "\u031b": "7", "\u0302": "6"}
VIQR = {"đ": "dd", "\u0306": "(", "\u031b": "+", "\u0302": "^"}


@pytest.mark.parametrize("syllable", SYLLABLES)
def test_keys_decode_to_what_was_meant(syllable: str) -> None:
    telex, vni, viqr = (
        _keys(syllable, shapes, tones) for shapes, tones in ((TELEX, "sfrxj"), (VNI, "12345"), (VIQR, "'`?~."))
    )
    assert decode_telex(telex) == syllable
    assert compose_digits(vni) == syllable
    assert repair_keys("e^ " + viqr) == "ê " + syllable


@pytest.mark.parametrize("word", ["test2", "a66", "b7", "d99", "lan12", "xa9", "7", ""])
def test_impossible_keys(word: str) -> None:
    assert compose_digits(word) is None


# ------------------------------------------------------------------------------------------------- character sets

CODECS = ["latin-1", "cp1252", "iso8859_2", "cp1258"]


def _misread(text: str, codec: str) -> str:
    """UTF-8 bytes shown by a one-byte code page; what the page leaves undefined shows as a control character."""
    shown = (bytes([byte]).decode(codec, errors="replace") for byte in text.encode())
    return "".join(chr(byte) if char == "\ufffd" else char for char, byte in zip(shown, text.encode(), strict=True))


@pytest.mark.parametrize("codec", CODECS)
def test_mojibake_of_every_syllable(codec: str) -> None:
    for syllable in SYLLABLES:
        for written in (syllable, syllable.upper(), syllable.title()):
            assert repair_mojibake(_misread(written, codec)) == written
            assert canonical_name("Mai " + _misread(written, codec)) == "mai " + syllable


def test_mojibake_leaves_sound_text_alone() -> None:
    for text in (*SYLLABLES, "HÃ", "José", "Łukasz Žižek", "«An»", "Hoàng…", "naïve"):
        assert repair_mojibake(text) == text


@needs_reference
def test_legacy_tables_agree_with_the_published_ones() -> None:
    with (REFERENCE / "text" / "legacy_charsets.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    # In the reference ỷ and ỹ have one-letter codes that belong to ặ and ì; VNI writes yû and yõ.
    doubtful = {"ỷ", "ỹ"}
    for row in rows:
        letter = row["unicode_nfc"].lower()
        if letter not in doubtful:
            assert decode_vni(row["vni_windows"]) == letter
        if len(row["tcvn3_abc"]) == 1:
            assert decode_tcvn3(row["tcvn3_abc"]) == letter


@needs_reference
@pytest.mark.parametrize(("column", "decode"), [("vni_windows", decode_vni), ("tcvn3_abc", decode_tcvn3)])
def test_legacy_round_trip_of_every_syllable(column: str, decode: object) -> None:
    with (REFERENCE / "text" / "legacy_charsets.csv").open(encoding="utf-8") as file:
        code = {row["unicode_nfc"]: row[column] for row in csv.DictReader(file)} | {"ỷ": "yû", "ỹ": "yõ"}
    if column == "tcvn3_abc":
        code |= {"ỷ": "û", "ỹ": "ü"}
    for syllable in SYLLABLES:
        assert decode("".join(code.get(letter, letter) for letter in syllable)) == syllable  # type: ignore[operator]


def test_legacy_needs_evidence() -> None:
    assert repair_legacy("Trần Văn Sôn") == "Trần Văn Sôn"
    assert repair_legacy("Võ Dòng") == "Võ Dòng"
    assert repair_legacy("Müller García") == "Müller García"
    assert repair_legacy("Nguyeãn Sôn") == "nguyễn sơn"
    # Half converted: another word proves that this name is in Unicode already, so "Sôn" stays.
    assert repair_legacy("Nguyeãn Tấn Sôn") == "nguyễn Tấn Sôn"


@needs_reference
def test_every_token_of_real_names_is_known() -> None:
    """The tables miss nothing that occurs in lists of real names, apart from tokens in a wrong character set."""
    damaged = {"buøi", "ñoã", "döông", "huøynh", "laâm", "vuõ", "ngoâ", "băši"}
    unknown = set()
    for path in (REFERENCE / "names").glob("*_locle40k.csv"):
        with path.open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                unknown |= {w for w in row.get("token", "").lower().split() if not is_syllable(canonical_syllable(w))}
    assert unknown <= damaged
