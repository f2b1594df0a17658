"""The units of a small country: twelve communes of 2021, and what became of them in 2025."""

from __future__ import annotations

from pathlib import Path

from linkage.standardise.places_files import CROSSWALK, OFFICIAL_2025, UNITS_2021

# province, district, commune: Lâm Đồng (68) and Bình Thuận (60) become Lâm Đồng; Cao Bằng (04) stays.
LIST_2021 = """\
as_of,province_code,province_name,district_code,district_name,commune_code,commune_name,level
2021-02-03,68,Tỉnh Lâm Đồng,680,Huyện Bảo Lâm,25054,Thị trấn Lộc Thắng,Thị trấn
2021-02-03,68,Tỉnh Lâm Đồng,680,Huyện Bảo Lâm,25057,Xã Lộc Bảo,Xã
2021-02-03,68,Tỉnh Lâm Đồng,680,Huyện Bảo Lâm,25075,Xã B' Lá,Xã
2021-02-03,68,Tỉnh Lâm Đồng,680,Huyện Bảo Lâm,25084,Xã Lộc An,Xã
2021-02-03,68,Tỉnh Lâm Đồng,673,Thành phố Bảo Lộc,24817,Phường 1,Phường
2021-02-03,68,Tỉnh Lâm Đồng,673,Thành phố Bảo Lộc,24820,Phường  Lộc Tiến,Phường
2021-02-03,68,Tỉnh Lâm Đồng,673,Thành phố Bảo Lộc,24823,Xã Lộc Tiến,Xã
2021-02-03,60,Tỉnh Bình Thuận,593,Thành phố Phan Thiết,22915,Phường 01,Phường
2021-02-03,60,Tỉnh Bình Thuận,593,Thành phố Phan Thiết,22918,Phường Hải Châu II,Phường
2021-02-03,04,Tỉnh Cao Bằng,042,Huyện Bảo Lâm,01290,Thị trấn Pác Miầu,Thị trấn
2021-02-03,04,Tỉnh Cao Bằng,042,Huyện Bảo Lâm,01291,Xã Hoà Bình,Xã
2021-02-03,04,Tỉnh Cao Bằng,042,Huyện Bảo Lâm,01292,Xã Xà Phìn,Xã
2021-02-03,04,Tỉnh Cao Bằng,318,Huyện Cồn Cỏ,,,Huyện
"""
# 25054 takes in 25057 and half of 25075, whose other half and 25084 are the new 25084; 01292 cannot be traced; 22915
# keeps its people and gives land to 22918; 25099 is the code that 01291 got in 2024.
CROSSWALK_ROWS = """\
commune_code_2021,commune_code_2025_06,how,new_commune_code,new_commune_name,new_province_code,transfer
25054,25054,same_code,25054,Xã Bảo Lâm 1,68,whole
25057,25057,same_code,25054,Xã Bảo Lâm 1,68,whole
25075,25075,same_code,25054,Xã Bảo Lâm 1,68,part
25075,25075,same_code,25084,Xã Bảo Lâm 2,68,part
25084,25084,same_code,25084,Xã Bảo Lâm 2,68,whole
24817,24817,same_code,24817,Phường 1 Bảo Lộc,68,whole
24820,24820,same_code,24817,Phường 1 Bảo Lộc,68,whole
24823,24823,same_code,24817,Phường 1 Bảo Lộc,68,whole
22915,22915,same_code,22915,Phường Phan Thiết,68,part_area_all_population
22915,22915,same_code,22918,Phường Hải Châu,68,part_area
22918,22918,same_code,22918,Phường Hải Châu,68,whole
01290,01290,same_code,01290,Xã Bảo Lâm,04,whole
01291,25099,same_name_new_code,01290,Xã Bảo Lâm,04,whole
01292,,unresolved,,,,
"""
OFFICIAL_ROWS = """\
new_province_code,new_province_name,new_commune_code,new_commune_name,old_district_code
04,Tỉnh Cao Bằng,11742,Đặc khu Cồn Cỏ,318
04,Tỉnh Cao Bằng,01290,Xã Bảo Lâm,042
"""


def write_small_country(folder: Path) -> Path:
    """The folder with its files."""
    (folder / UNITS_2021).write_text(LIST_2021, "utf-8-sig")
    (folder / CROSSWALK).write_text(CROSSWALK_ROWS, "utf-8")
    (folder / OFFICIAL_2025).write_text(OFFICIAL_ROWS, "utf-8")
    return folder
