"""What a column holds, guessed from its name and its values: the role that it can play in a linkage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from linkage.planning.columns import TextColumn
from linkage.standardise.categories import standardise_sex
from linkage.standardise.dates import standardise_dates
from linkage.standardise.syllables import is_syllable, is_unmarked_syllable
from linkage.standardise.text_forms import unmarked

MOST = 0.9  # share of the values that must fit a form
_SAMPLE = 2000  # distinct values looked at where each costs a look in Python
_FEW_CATEGORIES = 40
_ONE_WORD = 1.3  # words of a value in the mean, up to which most have one
_MOST_YEARS, _YEAR = 300, r"^(1[5-9]|20)\d\d(\.0)?$"
_TURNED_NAME = r"^[\pL'’ -]+, ?[\pL'’. -]+(;.*)?$"  # "Last, First"
# Of the names of organisations so many at least say under what law they stand; two letters may be a surname.
_SOME = 0.2
_LEGAL_FORM = (
    r"\b(ltd|limited|inc|incorporated|llc|llp|plc|corp|corporation|gmbh|sarl|tnhh)\.?$|"
    r"^(công ty|cong ty|c\.? ?ty|ctcp|doanh nghiệp|doanh nghiep|dntn|hợp tác xã|hop tac xa|htx)\b"
)
_SPACED_NUMBER = r"^[\d\s./-]+$"
_WEB_ADDRESS = r"^(https?://)?([\pL\pN_-]+\.)+[\pL]{2,}(:\d+)?([/?#]\S*)?$"
_MONTH_IN_WORDS = r"^[\d\s.,/-]*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[\d\s.,/-]+$"
_VIETNAMESE_LETTERS = "[ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]"
_FAMILY_NAMES = (
    "nguyen tran le pham hoang huynh phan vu vo dang bui do ho ngo duong ly "
    "nguyễn trần lê phạm hoàng huỳnh võ đặng bùi đỗ hồ ngô dương lý"
)


class Role(Enum):
    """What a column says of a record."""

    VIETNAMESE_NAME = "Vietnamese full name"
    FULL_NAME = "full name"
    GIVEN_NAME = "given name"
    MIDDLE_NAME = "middle name"
    FAMILY_NAME = "family name"
    COMPANY = "name of an organisation"
    BIRTH_DATE = "date of birth"
    DATE = "date"
    SEX = "sex"
    EMAIL = "e-mail address"
    WEBSITE = "website"
    PHONE = "phone number"
    POSTCODE = "postcode"
    STREET = "street or address"
    TOWN = "town"
    IDENTIFIER = "number or code"
    QUANTITY = "quantity"
    YEAR = "year"
    CATEGORY = "category"
    TEXT = "text"
    COUNTER = "running number"


# Words of a column's name that tell its role; the role whose phrase is the longest wins.
_PHRASES = {
    Role.GIVEN_NAME: "given name,first name,forename,fore name,vorname,rufname,prenom,prenoms,nombre,firstname,"
    "givenname,fname,ten",
    Role.FAMILY_NAME: "surname,last name,family name,nachname,nom,lastname,familyname,lname,sur name,nom famille,"
    "nom de famille,apellido,apellidos,cognome,ho,ho dem,ho lot,ho ten dem,ho va ten dem,ho va dem,ho chu dem",
    Role.MIDDLE_NAME: "middle name,middle initial,middlename,second name,middle names,other names,ten dem,ten lot,"
    "dem,chu dem",
    Role.FULL_NAME: "name,full name,fullname,person,customer,client,ho ten,ho va ten,contact,author,authors,creator,"
    "nguoi lien,nguoi dai dien,patient,pupil,student,member,employee,tenant,nom complet,nom prenom,nom et prenom,"
    "nombre completo,ansprechpartner,kunde,eleve,dirigeant,interlocuteur",
    Role.COMPANY: "company,company name,organisation,organization,firm,business,legal name,employer,supplier,vendor,"
    "trading name,organisation name,organization name,business name,entity name,firma,cong ty,ten cong ty,"
    "raison sociale,societe,entreprise,empresa,razon social,doanh nghiep,ten doanh nghiep,nha cung cap,"
    "ten nha cung cap",
    Role.BIRTH_DATE: "birth,dob,born,date of birth,birth date,birthdate,birthday,geburtsdatum,geburtstag,geboren,"
    "ngay sinh,date birth,naissance,date naissance,date de naissance,ne le,nee le,ne e le,nacimiento,"
    "fecha nacimiento,fecha de nacimiento,data di nascita",
    Role.DATE: "date,day",
    Role.SEX: "sex,gender,gioi tinh,geschlecht,sexe,sexo",
    Role.EMAIL: "email,e mail,mail,email address,e mail address,mailadresse",
    Role.WEBSITE: "website,web,url,homepage,web site,web address,webseite,trang web",
    Role.PHONE: "phone,telephone,mobile,tel,phone number,cell,fax,dien thoai,so dien thoai,sdt,"
    "handy,mobil,telefon,mobilfunk,festnetz,portable,fixe,telefono",
    Role.POSTCODE: "postcode,zip,postal code,post code,zip code,zipcode,plz,postleitzahl,pincode,"
    "code postal,codigo postal",
    Role.STREET: "address,street,addr,road,street name,address line,strasse,anschrift,adresse,direccion,voie,"
    "dia chi,ho khau,noi o,tru so,head office",
    Role.TOWN: "city,town,suburb,locality,village,place,ort,stadt,ville,localite,municipality,district,"
    "ward,commune,thanh pho",
    Role.IDENTIFIER: "number,no,nr,code,ssn,nin,vat,tax,registration,reg,passport,licence,license,id number,"
    "registration number,reg no,national id,soc sec,sec id,iban,account,identifier,insurance,user name,username,"
    "login name,login,ma so,ma so thue,ma so doanh nghiep,mst,kundennummer,kundennr",
    Role.QUANTITY: "age,year,amount,price,revenue,turnover,employees,height,weight,latitude,longitude,lat,lon,long,"
    "income,salary",
    Role.CATEGORY: "state,country,region,province,county,type,status,category,title,initial,sector,industry,legal form",
}
_HINTS = {phrase: role for role, phrases in _PHRASES.items() for phrase in phrases.split(",")}
# Words of much else too, as the name of a product: they say so where they are the whole name.
_ALONE = {"ten", "ho", "dem"}
_PERSONAL = {Role.VIETNAMESE_NAME, Role.FULL_NAME, Role.GIVEN_NAME, Role.MIDDLE_NAME, Role.FAMILY_NAME}
_WORDED = {*_PERSONAL, Role.COMPANY, Role.STREET, Role.TOWN}

NAMED = {Role.GIVEN_NAME, Role.FULL_NAME, Role.VIETNAMESE_NAME}  # what twins do not have in common
# What only a person has.
PERSONAL = {Role.GIVEN_NAME, Role.FAMILY_NAME, Role.FULL_NAME, Role.VIETNAMESE_NAME, Role.BIRTH_DATE, Role.SEX}
# What two people of one home do not have in common, nor two firms of one house.
OWN = {Role.GIVEN_NAME, Role.FULL_NAME, Role.VIETNAMESE_NAME, Role.BIRTH_DATE, Role.EMAIL, Role.COMPANY}


@dataclass(frozen=True)
class Hint:
    """The role that a column's name speaks for, and the phrase that says so; None where it says nothing."""

    role: Role | None
    phrase: str


def words_of(name: str) -> list[str]:
    """The words of a column's name: "dateOfBirth", "date_of_birth" and "Date of birth" give the same; without
    their marks."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    (plain,) = unmarked(pa.array([parted.lower()])).to_pylist()
    return re.findall(r"[^\W\d_]+", plain)


def hint_of(name: str) -> Hint:
    """What the words of a column's name say of its role."""
    words = words_of(name)
    spans = [words[i:j] for i in range(len(words)) for j in range(i + 1, len(words) + 1)]
    known = [
        phrase for span in spans if (phrase := " ".join(span)) in _HINTS and (span == words or phrase not in _ALONE)
    ]
    # Of two as long the last: "company number" is a number, "street name" stands as a phrase of its own.
    best = max(enumerate(known), key=lambda k: (len(k[1].split()), k[0]), default=(0, ""))[1]
    return Hint(_HINTS.get(best), best)


def role_of(column: TextColumn) -> Role:
    """The role of a column: what its values can only be goes before what its name says."""
    hinted = _hinted(column)
    if _is_counter(column):
        return Role.COUNTER
    for role, fits in ((Role.EMAIL, _is_email), (Role.WEBSITE, _is_web), (Role.DATE, _is_date), (Role.SEX, _is_sex)):
        if fits(column, hinted):
            return Role.BIRTH_DATE if hinted is Role.BIRTH_DATE else role
    if hinted in (Role.PHONE, Role.POSTCODE):
        return hinted
    if column.n_distinct <= _MOST_YEARS and column.share_of(pc.match_substring_regex(column.values, _YEAR)) > MOST:
        return Role.YEAR
    if _is_vietnamese(column) and (hinted in _PERSONAL or hinted is None):
        return Role.VIETNAMESE_NAME
    has_digits = column.share_of(pc.match_substring_regex(column.values, r"\d")) > MOST
    if hinted in _WORDED and not (has_digits and hinted is not Role.STREET):
        return hinted
    if hinted is None and column.share_of(pc.match_substring_regex(column.values, _LEGAL_FORM)) > _SOME:
        return Role.COMPANY
    if hinted is None and column.share_of(pc.match_substring_regex(column.values, _TURNED_NAME)) > MOST:
        return Role.FULL_NAME
    return _unnamed_role(column, hinted, has_digits)


def _hinted(column: TextColumn) -> Role | None:
    """The role that a column's name speaks for; "tên", a name, is a given name where its values are one word each."""
    hint = hint_of(column.name)
    return None if hint.phrase == "ten" and _mean_words(column) > _ONE_WORD else hint.role


def _unnamed_role(column: TextColumn, hinted: Role | None, has_digits: bool) -> Role:
    """The role of a column whose name settles nothing, from its values."""
    is_number = column.share_of(pc.match_substring_regex(column.values, r"^[+-]?\d+([.,]\d+)?$")) > MOST
    if hinted is Role.QUANTITY and is_number:
        return Role.QUANTITY
    if column.n_distinct <= min(_FEW_CATEGORIES, column.filled // 5):
        return Role.CATEGORY
    if is_number and column.share_of(pc.match_substring_regex(column.values, r"[.,]\d+$")) > 0.2:
        return Role.QUANTITY
    is_code = _mean_words(column) < 2 or column.share_of(pc.match_substring_regex(column.values, _SPACED_NUMBER)) > MOST
    return Role.IDENTIFIER if has_digits and is_code else Role.TEXT


def _mean_words(column: TextColumn) -> float:
    spaces = pc.count_substring(column.values, " ").to_numpy(zero_copy_only=False)
    return float(np.average(spaces + 1, weights=column.counts.to_numpy())) if column.filled else 0.0


def _is_counter(column: TextColumn) -> bool:
    """Whole numbers, each once, without wide gaps: they number the rows and say nothing of who is meant."""
    if column.n_distinct < column.n_rows or column.share_of(pc.match_substring_regex(column.values, r"^\d{1,12}$")) < 1:
        return False
    numbers = column.values.cast(pa.int64()).to_numpy()
    return bool(numbers.size and numbers.max() - numbers.min() < 1.5 * numbers.size)


def _is_email(column: TextColumn, hinted: Role | None) -> bool:
    least = 0.5 if hinted is Role.EMAIL else MOST
    return column.share_of(pc.match_substring_regex(column.values, r"^[^@\s]+@[^@\s]+$")) > least


def _is_web(column: TextColumn, hinted: Role | None) -> bool:
    """Hosts, with or without the rest of their addresses; "no.12" is one only where the column's name says so."""
    least = 0.5 if hinted is Role.WEBSITE else MOST
    return column.share_of(pc.match_substring_regex(column.values, _WEB_ADDRESS)) > least


def _is_date(column: TextColumn, hinted: Role | None) -> bool:
    """Days as typed. Bare digits are dates only where the column's name says so, years alone never."""
    separated = r"^\d{1,4}[-/. ]\d{1,2}[-/. ]\d{1,4}([ T].*)?$|" + _MONTH_IN_WORDS
    bare = r"|^\d{8}$" if hinted in (Role.DATE, Role.BIRTH_DATE) else ""
    if column.share_of(pc.match_substring_regex(column.values, separated + bare)) <= MOST:
        return False
    return column.share_of(pa.array(standardise_dates(column.values) > 0)) > MOST


def _is_sex(column: TextColumn, hinted: Role | None) -> bool:
    if column.n_distinct > 12 or not column.filled:
        return False
    if hinted is not Role.SEX and column.share_of(pc.match_substring_regex(column.values, r"\d")) > 0:
        return False
    return column.share_of(pa.array(standardise_sex(column.values) > 0)) > MOST


def _is_vietnamese(column: TextColumn) -> bool:
    """Full names of Vietnamese syllables, with their letters or one of the frequent family names in front."""
    names = [value for value in column.values.slice(0, _SAMPLE).to_pylist() if value]
    split = [name.split() for name in names]
    sound = [words for words in split if 2 <= len(words) <= 6 and all(map(_is_vietnamese_word, words))]
    marked = pc.sum(pc.match_substring_regex(pa.array([" ".join(w) for w in sound], pa.string()), _VIETNAMESE_LETTERS))
    frequent = set(_FAMILY_NAMES.split())
    families = sum(words[0] in frequent for words in sound)
    is_marked = (marked.as_py() or 0) > len(names) / 2
    return len(sound) > 0.8 * len(names) and (is_marked or families > len(names) / 2)


def _is_vietnamese_word(word: str) -> bool:
    return is_syllable(word) or is_unmarked_syllable(word)
