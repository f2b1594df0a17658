"""Words in a name field that are not the name: titles, remarks, parents, placeholders, typing macros.

Each rule takes the words of a name (lower case, one fixed spelling) and returns the words that remain.
"""

from __future__ import annotations

import re

from linkage.standardise.syllables import ascii_fold


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Surnames of at least one in a thousand people; a title is dropped only before one of them.
_SURNAMES = _set("""
    nguyễn trần lê phạm hoàng huỳnh phan vũ võ đặng bùi đỗ hồ ngô dương lý đinh đoàn trịnh mai đào trương lâm phùng
    hà cao lương tạ châu thái tô vương vi tăng quách lưu chu triệu kiều la từ nông lò hứa thạch sơn kim danh giang
    quàng lường lục mạc nghiêm ninh diệp tống tôn quan thân doãn bạch cù đàm lại mã âu phí khổng
""")
_PLAIN_SURNAMES = frozenset(ascii_fold(surname) for surname in _SURNAMES)

# Without diacritics, the syllables that one person in two hundred at least has in the name. Not counted in the index:
# what a level means must not change with the registry.
_COMMON = """
    a an anh ba bach bao bich binh bui ca cam cao chau chi cong cuong dai dang danh dao dat dieu dinh do doan dong duc
    dung duong duy gia giang ha hai han hang hanh hien hieu ho hoa hoai hoang hong hue hung huong huu huy huyen huynh
    khang khanh khoa kien kieu kim lam lan le lien linh lo long luong ly mai manh minh my nam nga ngan ngo ngoc nguyen
    nhan nhat nhi nhu nhung pham phan phong phu phuc phung phuoc phuong quach quan quang quoc quy quynh son tam tan
    thach thai thang thanh thao the thi thien thu thuy tien tong tram tran trang tri trieu trinh trong truc trung truong
    tu tuan tung tuong tuyen tuyet van vi viet vinh vo vu vuong vy xuan yen
"""
COMMON_SYLLABLES = _set(_COMMON)

_TITLES = _set("ông bà cụ cô chú bác dì cậu anh chị em cháu bé mr mrs ms miss bs ts ths sư thầy")
# Without marks most titles are surnames as well (ba, be, chau, chu, co, cu, ong): only these are not.
_PLAIN_TITLES = _set("anh chi em")

# "con bà X" and the maternity ward's "CB X" give the name of a parent: the claim's own name is not known.
_PLAIN_PARENT_WORDS = _set("ba ong chi anh me bo cha co cua san")

# Of a newborn child without a name: "bé gái con mẹ …".
_PLAIN_CHILD_WORDS = _set("be gai trai chau tre em so sinh nam nu bg bt tss ss con")

# One word is taken for a placeholder only as written here ("Trọng" is a name, "trống" is not); phrases in any marks.
_PLACEHOLDER_WORDS = _set(
    "không khong chưa trống tên nan null none nil unknown undefined test demo abc abcd xx noname anonymous"
)
_PLACEHOLDER_PHRASES = frozenset(
    {
        "khong ro", "khong ro ten", "khong ro ho ten", "khong ten", "khong co", "khong co ten", "khong biet",
        "khong xac dinh", "chua ro", "chua ro ten", "chua co", "chua co ten", "chua dat ten", "chua biet",
        "chua xac dinh", "chua cap nhat", "chua khai sinh", "de trong", "bo trong", "n a", "x x", "no name",
    }
)  # fmt: skip
_REPEATED = re.compile(r"(\w)\1{2,}|(\w)(?: \2){2,}")

# First words that a rule of this module looks at, as written and without marks; any other name skips the rules.
_TRIGGERS = _TITLES | _PLAIN_TITLES | _PLACEHOLDER_WORDS | {"cb", "nt", "nv"}
_PLAIN_TRIGGERS = frozenset(phrase.split()[0] for phrase in _PLACEHOLDER_PHRASES)
_MACROS = {"nt": ["nguyễn", "thị"], "nv": ["nguyễn", "văn"]}


def concern(word: str) -> bool:
    """Whether a name that begins with this word may hold a title, macro or placeholder."""
    return len(word) == 1 or word in _TRIGGERS or ascii_fold(word) in _PLAIN_TRIGGERS


def is_placeholder(words: list[str]) -> bool:
    """Whether the words say that there is no name: "không rõ", "n/a", "xxx", "test"."""
    text = " ".join(words)
    plain = ascii_fold(text)
    written = text in _PLACEHOLDER_WORDS or plain in _PLACEHOLDER_PHRASES or words[0] == "test"
    return written or _REPEATED.fullmatch(plain) is not None


def _is_title(words: list[str]) -> bool:
    """Whether the first word is a title: three words or more, and a surname comes next, or behind further titles.

    "Anh", "Bé" and "Cổ" are names too; a title typed without its mark counts only before a surname without marks.
    """
    while len(words) >= 3 and words[0] in _TITLES:
        if words[1] in _SURNAMES or words[1] in _PLAIN_SURNAMES:
            return True
        words = words[1:]
    is_plain = len(words) >= 3 and words[0] in _PLAIN_TITLES and words[1] in _PLAIN_SURNAMES
    return is_plain and " ".join(words).isascii()


def begins_with_surname(text: str) -> bool:
    """Whether a text of two words at least begins with a surname."""
    words = text.lower().split()
    return len(words) > 1 and (words[0] in _SURNAMES or words[0] in _PLAIN_SURNAMES)


def without_titles(words: list[str]) -> list[str]:
    """Drop "ông", "bà", "cháu bé" … at the start when a surname and at least one more word remain."""
    while _is_title(words):
        words = words[1:]
    return words


def _names_parent(words: list[str], at: int) -> bool:
    follower = ascii_fold(words[at + 1]) if at + 1 < len(words) else ""
    return ascii_fold(words[at]) == "con" and follower in _PLAIN_PARENT_WORDS and at + 2 < len(words)


def without_parents(words: list[str]) -> list[str]:
    """Cut "con bà …" behind a name; a field that holds nothing but a parent's name gives no words.

    A parent's name taken for the claim's would agree with the parent's registry row, whose ID and phone such
    records often carry as well: a missing name is the safer reading.
    """
    if words[0] == "cb" and len(words) > 2:
        return []
    for at in range(len(words) - 1):
        is_child = all(ascii_fold(word) in _PLAIN_CHILD_WORDS for word in words[:at])
        if _names_parent(words, at) and (at != 1 or is_child):
            return [] if is_child else words[:at]
    return words


def expanded(words: list[str]) -> list[str]:
    """Typing macros at the start: "nt" for Nguyễn Thị, "nv" for Nguyễn Văn, when a name follows."""
    if len(words) > 1 and words[0] in _MACROS and len(words[1]) > 1:
        return [*_MACROS[words[0]], *words[1:]]
    return words
