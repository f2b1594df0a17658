"""What columns and codes of the published tables are called where a Vietnamese office reads them."""

from __future__ import annotations

_FIELDS = {
    "full_name": "Họ và tên",
    "gender": "Giới tính",
    "date_of_birth": "Ngày sinh",
    "id_number": "Số CCCD/CMND",
    "phone": "Số điện thoại",
    "insurance_number": "Số thẻ BHYT",
    "ethnicity": "Dân tộc",
}
_STATED_ONLY = {"province": "Tỉnh", "district": "Huyện", "commune": "Xã", "address": "Địa chỉ"}
_REGISTERED_ONLY = {
    "old_id_number": "Số CMND cũ",
    "commune_code": "Mã xã thường trú",
    "residence_commune_code": "Mã xã nơi ở hiện tại",
    "status": "Tình trạng",
}

TITLES = {
    "dose_id": "Mã mũi tiêm",
    "dose_ids": "Các mũi tiêm",
    "subject_id": "Mã đối tượng",
    "claim_id": "Mã hồ sơ đối chiếu",
    "compared_as": "Đối chiếu chung với hồ sơ",
    "decided_by": "Quyết định bởi",
    "status": "Kết quả xác minh",
    "person_id": "Mã người trong CSDL dân cư",
    "match_probability": "Xác suất đúng người",
    "match_weight": "Trọng số khớp",
    "runner_up_person_id": "Mã người khả năng thứ hai",
    "runner_up_probability": "Xác suất người thứ hai",
    "others_probability": "Xác suất những người khác",
    "none_probability": "Xác suất không có trong CSDL",
    "unsearched_probability": "Xác suất có nhưng không tìm thấy",
    "found_by": "Tìm được theo",
    "issue": "Lý do",
    "wrong_fields": "Thông tin sai",
    "conflicts": "Mâu thuẫn",
    "commune_code": "Mã xã",
    "commune_code_now": "Mã xã hiện nay",
    "commune_name": "Tên xã",
    "district_code": "Mã huyện",
    "district_name": "Tên huyện",
    "province_code": "Mã tỉnh",
    "province_name": "Tên tỉnh",
    "province_code_now": "Mã tỉnh hiện nay",
    "rarity_bits": "Điểm từ độ hiếm của giá trị trùng",
    "near_number_bits": "Điểm từ các số gần giống",
    "household_bits": "Điểm từ người cùng hộ, trùng tên",
    "subject_bits": "Điểm từ mũi tiêm khác",
    "schedule_bits": "Điểm từ lịch tiêm",
    "n_doses": "Số mũi tiêm",
    "n_subjects": "Số đối tượng",
    "facility_code": "Mã cơ sở tiêm",
    "facility_level": "Tuyến của cơ sở tiêm",
    "rank": "Thứ hạng",
    "priority": "Thứ tự ưu tiên",
    "settle_probability": "Xác suất giải quyết được",
    "in_police_list": "Trong danh sách công an",
    "list_date": "Ngày lập danh sách",
    "deadline": "Hạn trả",
    "candidate_ids": "Người có thể đúng",
    "candidate_probabilities": "Xác suất của từng người",
    "reason": "Lý do không đối chiếu",
    "verdicts": "Kết luận đã có",
    "reasons": "Lý do loại",
    "file": "Tệp",
    "position": "Bản ghi",
    "line": "Dòng",
    "sheet": "Trang tính",
    "raw": "Giá trị đã nhập",
    "field": "Cột",
    "reading": "Đọc là",
    "attribute": "Nhóm theo",
    "value": "Nhóm",
    "expected_errors": "Số sai dự kiến",
    "left_id": "Mã bên trái",
    "right_id": "Mã bên phải",
    "record_id": "Mã bản ghi",
    "entity_id": "Mã nhóm",
    "pass": "Phép tìm",
    "pairs": "Số cặp",
    **{f"stated_{name}": f"{title} (đã nhập)" for name, title in (_FIELDS | _STATED_ONLY).items()},
    **{f"registered_{name}": f"{title} (CSDL dân cư)" for name, title in (_FIELDS | _REGISTERED_ONLY).items()},
}

# What a list is called over its printed pages.
LISTS = {
    "queues/match": "Danh sách đối tượng cần cập nhật thông tin",
    "queues/review": "Danh sách đối tượng cần công an xác minh",
    "queues/unmatched": "Danh sách đối tượng không tìm thấy trong CSDL dân cư",
    "queues/excluded": "Danh sách đối tượng không thuộc diện xác minh",
}
AS_OF = "tính đến ngày"

# The words of the ministry's appendix and of the daily report.
ISSUES = {
    "wrong_info": "Sai thông tin",
    "bad_id_format": "CCCD/mã định danh sai",
    "no_id": "Không có CMND/CCCD",
}
STATUSES = {
    "verified": "Đã xác minh đúng",
    "matched": "Khớp, cần cập nhật thông tin",
    "review": "Chờ xác minh",
    "unmatched": "Không tìm thấy trong CSDL",
    "excluded": "Không thuộc diện xác minh",
}
YES_NO = ("Có", "Không")

# Words of codes, by column. What has none stands as it is.
CODES: dict[str, dict[str, str]] = {
    "issue": ISSUES,
    "status": STATUSES,
    "wrong_fields": _FIELDS,
    "field": _FIELDS,
    "conflicts": {
        "dead_before_dose": "Tiêm sau ngày mất",
        "dose_number_twice": "Trùng số thứ tự mũi",
        "interval_too_short": "Khoảng cách hai mũi quá ngắn",
        "product_mismatch": "Khác loại vắc xin",
    },
    "reason": {
        "foreign_nationality": "Quốc tịch nước ngoài",
        "foreign_passport": "Hộ chiếu nước ngoài",
        "verdict": "Cán bộ kết luận",
    },
    "registered_status": {"alive": "Còn sống", "deceased": "Đã mất", "emigrated": "Đã ra nước ngoài"},
    "decided_by": {"rule": "Quy tắc", "model": "Mô hình", "officer": "Cán bộ"},
    "facility_level": {"central": "Trung ương", "province": "Tỉnh", "district": "Huyện", "commune": "Xã"},
    "reading": {
        "not stated": "không nhập",
        "the other sex": "giới tính ngược lại",
        "day and month exchanged": "đổi chỗ ngày và tháng",
    },
}
