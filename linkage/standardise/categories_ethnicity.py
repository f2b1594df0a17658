"""The 54 ethnic groups: code, name and the spellings that occur in records.

Codes are those of the census list (Decision 1019/QĐ-TCTK of 2008). The list of 1979 (Decision 121-TCTK/PPCĐ), still in
use in health software, gives many groups another number (04 Hoa there, Mường here): names are safer than codes.
Spellings are compared without diacritics, case, spaces and punctuation, so "Ê-đê", "Ê Đê" and "EDE" need one entry.
"""

from __future__ import annotations

UNKNOWN = 0

# In order of their codes, 1 to 54; the first spelling is the name.
GROUPS: tuple[tuple[str, ...], ...] = (
    ("Kinh", "Việt", "Kinh (Việt)", "Người Kinh"),
    ("Tày", "Ngạn", "Phén", "Thù Lao", "Pa Dí"),
    ("Thái", "Thái Đen", "Thái Trắng", "Tày Khao", "Tày Đăm", "Tày Mười", "Tày Thanh"),
    ("Mường", "Mol", "Mual"),
    ("Khmer", "Khơ Me", "Khơ Me Krôm", "Khmer Krôm", "Khơ Mer", "Kh'me", "Khome"),
    ("Hoa", "Hán", "Hoa (Hán)", "Triều Châu", "Phúc Kiến", "Quảng Đông", "Người Hoa"),
    ("Nùng", "Nùng An", "Nùng Cháo", "Nùng Lòi", "Phàn Slình", "Quý Rịn"),
    (
        "HMông",
        "Mông",
        "Mèo",
        "Mẹo",
        "Na Miẻo",
        "Mông Hoa",
        "Mông Trắng",
        "Mông Đen",
        "Mông Đỏ",
        "Hơ Mông",
        "H'Mông (Mèo)",
    ),
    ("Dao", "Mán", "Dao Đỏ", "Dao Tiền", "Dao Thanh Y", "Dao Quần Chẹt", "Dao Lô Gang"),
    ("Gia Rai", "Giơ Rai", "Jrai", "Jarai", "Gia Lai", "J'rai", "Djarai"),
    ("Ê Đê", "Ra Đê", "Rhađê", "Rhade", "Êđê Bih", "Mđhur"),
    ("Ba Na", "Bahnar", "Rơ Ngao", "Bơ Nâm", "Gơ Lar"),
    ("Sán Chay", "Cao Lan", "Sán Chỉ", "Cao Lan - Sán Chỉ", "Sán Chay (Cao Lan - Sán Chỉ)"),
    ("Chăm", "Chàm", "Chiêm Thành", "Chăm Hroi"),
    ("Cơ Ho", "K'Ho", "Kơ Ho", "Cờ Ho", "Kaho", "Xrê", "Srê", "Nộp", "Chil", "Cil", "Lạch", "Lat", "T'ring", "Cơ Don"),
    ("Xơ Đăng", "Xê Đăng", "Sơ Đăng", "Sê Đăng", "Xơ Teng", "Ca Dong", "Hà Lăng", "Mơ Nâm"),
    ("Sán Dìu", "Sán Déo", "Trại Đất"),
    ("Hrê", "Hơ Rê", "Chăm Rê"),
    ("Raglay", "Ra Glai", "Raglai", "Rắc Lay", "Rai", "Răc Glay"),
    ("Mnông", "Pnông", "Mơ Nông", "Mnông Gar", "Mnông Preh", "M'Nông Nông"),
    ("Thổ", "Kẹo", "Mọn", "Cuối", "Tày Poọng", "Đan Lai", "Ly Hà"),
    ("Xtiêng", "Stiêng", "Xa Điêng", "S'Tiêng", "Xơ Tiêng"),
    ("Khơ Mú", "Kh'Mú", "Xá Cẩu", "Tày Hạy", "Kmụ"),
    ("Bru Vân Kiều", "Bru", "Vân Kiều", "Măng Coong", "Tri", "Khùa"),
    ("Cơ Tu", "Ca Tu", "K'Tu", "Katu", "Cơ Tu (Ca Tu)"),
    ("Giáy", "Nhắng", "Dẳng", "Giấy"),
    ("Tà Ôi", "Ta Ôi", "Pa Cô", "Pa Kô", "Tôi Ôi", "Ba Hi"),
    ("Mạ", "Châu Mạ", "Chô Mạ", "Mạ Ngăn", "Mạ Xốp", "Mạ Tô"),
    ("Gié Triêng", "Giẻ Triêng", "Dẻ", "Giẻ", "Triêng", "Tà Riềng", "Ve", "Bnoong", "Ca Tang"),
    ("Co", "Cor", "Cua", "Trầu", "Kor", "Col"),
    ("Chơ Ro", "Châu Ro", "Chrau", "Dơ Ro"),
    ("Xinh Mun", "Puộc", "Pụa"),
    ("Hà Nhì", "U Ní", "Xá U Ní", "Hà Nhì Đen"),
    ("Chu Ru", "Churu", "Chơ Ru"),
    ("Lào", "Lào Bốc", "Lào Nọi"),
    ("La Chí", "Cù Tê", "La Quả"),
    ("Kháng", "Xá Khao", "Xá Dón", "Quảng Lâm"),
    ("Phù Lá", "Bồ Khô Pạ", "Xá Phó", "Phù La"),
    ("La Hủ", "Cò Xung", "Khù Sung", "Khả Quy"),
    ("La Ha", "Xá Khắc", "Phlắc", "Khlá"),
    ("Pà Thẻn", "Pá Hưng", "Tống", "Pà Hưng"),
    ("Lự", "Lừ", "Nhuồn"),
    ("Ngái", "Đản", "Khách Gia", "Xín"),
    ("Chứt", "Rục", "Sách", "Arem", "Mày", "Mã Liềng"),
    ("Lô Lô", "Mùn Di", "Di"),
    ("Mảng", "Mảng Ư", "Xá Lá Vàng"),
    ("Cơ Lao", "Cờ Lao", "Ke Lao"),
    ("Bố Y", "Chủng Chá", "Trọng Gia", "Tu Dí"),
    ("Cống", "Xắm Khống", "Xá Xeng"),
    ("Si La", "Cù Dề Xừ", "Khá Pẻ"),
    ("Pu Péo", "Ka Beo", "Pen Ti Lô Lô"),
    ("Rơ Măm", "Rmăm"),
    ("Brâu", "Brao"),
    ("Ơ Đu", "Tày Hạt"),
)

NAMES: tuple[str, ...] = ("", *(spellings[0] for spellings in GROUPS))
