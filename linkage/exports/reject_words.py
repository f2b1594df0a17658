"""Why a record is rejected and what a station does about it, in the words of its clerk."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from linkage.exports.rejected_records import Record
from linkage.ingest import csv_kernels

_KEY = "{key}"  # in a reason: the key column of the table


@dataclass(frozen=True)
class Words:
    """A reason and its remedy in a language."""

    reason: str
    remedy: str


VIETNAMESE = {
    "unclosed_quote": Words("Thiếu dấu ngoặc kép đóng", 'Thêm dấu " ở cuối giá trị, hoặc bỏ dấu " ở đầu'),
    "stray_quote": Words("Có chữ sau dấu ngoặc kép đóng", 'Bỏ dấu " thừa trong giá trị'),
    "nul_byte": Words("Có ký tự rỗng (byte 0)", "Xóa giá trị và nhập lại"),
    "invalid_encoding": Words("Sai bảng mã, không đọc được chữ", "Nhập lại giá trị, lưu tệp theo bảng mã UTF-8"),
    "too_few_columns": Words("Dòng thiếu cột", "Điền các cột còn thiếu theo dòng tiêu đề"),
    "too_many_columns": Words("Dòng thừa cột", "Bỏ cột thừa; giá trị có dấu phân cách phải đặt trong dấu ngoặc kép"),
    "field_too_long": Words("Giá trị quá dài", "Kiểm tra giá trị, có thể nhiều dòng bị dồn vào một ô"),
    "missing_{key}": Words("Để trống mã", "Điền mã"),
    "repeated_header": Words("Dòng tiêu đề lặp lại", "Xóa dòng này, không phải bản ghi"),
    "total_row": Words("Dòng cộng", "Không phải bản ghi, không cần sửa"),
    "column_numbers": Words("Dòng đánh số cột", "Không phải bản ghi, không cần sửa"),
    "remark": Words("Dòng ghi chú hoặc chữ ký", "Không phải bản ghi, không cần sửa"),
    "duplicate_{key}": Words("Trùng hoàn toàn với một dòng trước", "Xóa dòng này, dòng trước đã được nhận"),
    "conflicting_{key}": Words("Cùng mã nhưng nội dung khác nhau", "Giữ dòng đúng, sửa mã hoặc xóa các dòng còn lại"),
    "superseded": Words("Đã có bản cập nhật mới hơn cùng mã", "Không cần sửa, dòng mới nhất đã được nhận"),
    "no_claim": Words("Không nêu hồ sơ hoặc mũi tiêm", "Điền mã hồ sơ đối chiếu hoặc mã mũi tiêm"),
    "unknown_claim": Words("Không có hồ sơ này", "Kiểm tra mã hồ sơ đối chiếu"),
    "unknown_dose": Words("Không có mũi tiêm này", "Kiểm tra mã mũi tiêm"),
    "no_verdict": Words("Không nêu kết luận", "Điền kết luận"),
    "unknown_verdict": Words("Kết luận không hợp lệ", "Dùng một trong các kết luận quy định"),
    "no_person": Words("Kết luận là người nhưng không nêu ai", "Điền mã người trong CSDL dân cư"),
    "unknown_person": Words("Không có người này trong CSDL dân cư", "Kiểm tra mã người"),
    "future_date": Words("Ngày kết luận ở tương lai", "Kiểm tra ngày kết luận"),
}
ENGLISH = {
    "unclosed_quote": Words("A quotation mark is not closed", 'Put " behind the value, or take it away before it'),
    "stray_quote": Words("Text behind a closing quotation mark", 'Take away the " that is too many'),
    "nul_byte": Words("Holds a zero byte", "Delete the value and type it again"),
    "invalid_encoding": Words("Cannot be read as text", "Type the value again and save the file as UTF-8"),
    "too_few_columns": Words("The row is too short", "Fill in the missing columns"),
    "too_many_columns": Words("The row is too long", "Take away a column; put values with a separator in quotes"),
    "field_too_long": Words("The value is too long", "Look at the value: many rows may have run into one cell"),
    "missing_{key}": Words("The id is empty", "Fill in the id"),
    "repeated_header": Words("The header again", "Delete the row, it is no record"),
    "total_row": Words("A row of sums", "It is no record, nothing to mend"),
    "column_numbers": Words("Numbers of the columns", "It is no record, nothing to mend"),
    "remark": Words("A remark or a signature", "It is no record, nothing to mend"),
    "duplicate_{key}": Words("The same as a row before", "Delete the row, the first one is taken"),
    "conflicting_{key}": Words("One id, different contents", "Keep the right row, correct or delete the others"),
    "superseded": Words("A newer version of the row was sent", "Nothing to mend, the newest is taken"),
    "no_claim": Words("Names neither a claim nor a dose", "Fill in claim_id or dose_id"),
    "unknown_claim": Words("There is no such claim", "Look at the claim_id"),
    "unknown_dose": Words("There is no such dose", "Look at the dose_id"),
    "no_verdict": Words("States no verdict", "Fill in the verdict"),
    "unknown_verdict": Words("The verdict is none of the words", "Use one of the words"),
    "no_person": Words("Says that it is a person and not whom", "Fill in the person_id"),
    "unknown_person": Words("There is no such person in the registry", "Look at the person_id"),
    "future_date": Words("Decided on a day still to come", "Look at decided_at"),
}
LANGUAGES = {"vi": VIETNAMESE, "en": ENGLISH}
HEADINGS = {"vi": "Danh sách bản ghi chưa nhận được", "en": "Rejected records"}
TITLES = {
    "vi": ("Tệp", "Trang tính", "Dòng", "Bản ghi", "Cột", "Giá trị đã nhập", "Lý do", "Cần làm gì"),
    "en": ("file", "sheet", "line", "record", "column", "value as typed", "reason", "what to do"),
}

# The cells that a reason is about.
_FAULTY_CELLS: dict[str, Callable[[str], bool]] = {
    "unclosed_quote": lambda cell: cell.count('"') % 2 == 1,
    "stray_quote": lambda cell: cell.count('"') > 1 and not cell.rstrip().endswith('"'),
    "nul_byte": lambda cell: "\0" in cell,
    "invalid_encoding": lambda cell: "\\x" in cell,
    "field_too_long": lambda cell: len(cell.encode("utf-8", "replace")) > csv_kernels.MAX_FIELD_BYTES,
}


def words_of(code: str, language: str) -> Words:
    """The words of a reason code; a code without words stands for itself."""
    known = LANGUAGES[language]
    stem, _, key = code.partition("_")
    return known.get(code) or known.get(f"{stem}_{_KEY}" if key else code) or Words(code, "")


def faulty_column(record: Record, code: str, key_column: str) -> tuple[str, str]:
    """The column that a reason is about and what stands in it; all cells where nothing does, or no column is meant.

    key_column : what the file calls the key of its records
    """
    whole = " | ".join(record.cells)
    if code.startswith(("missing_", "duplicate_", "conflicting_", "superseded")):
        return key_column, record.value(key_column) or whole
    place = _place(record, code)
    if place is None or place >= max(len(record.names), len(record.cells)):
        return "", whole
    name = record.names[place] if place < len(record.names) else ""
    if code == "too_few_columns":  # what is missing has no value
        return name, whole
    return name, record.cells[place]


def _place(record: Record, code: str) -> int | None:
    """The place of the first cell that a reason is about."""
    if code in ("too_few_columns", "too_many_columns"):
        return min(len(record.cells), len(record.names))
    is_faulty = _FAULTY_CELLS.get(code)
    if is_faulty is None:
        return None
    return next((place for place, cell in enumerate(record.cells) if is_faulty(cell)), None)
