"""Nights as a DAG of Airflow 3: what will be read, the night, how far the verification is, and once a week all sums.

It calls the command line and needs nothing of it but exit codes: 75 (another command is at work) is tried again.
Started again on the same date with the same files, a night that was done says so and ends with 0, so that tasks may be
cleared and repeated.
"""

from __future__ import annotations

import datetime

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

# The day in Viet Nam: {{ ds }} is that of UTC, which at one o'clock is the day before.
LOOK_AHEAD = (
    "linkage night --config /srv/linkage/night.toml --plan-only --json"
    " --date {{ logical_date.in_timezone('Asia/Ho_Chi_Minh') | ds }}"
)
NIGHT = (
    "linkage night --config /srv/linkage/night.toml --json"
    " --date {{ logical_date.in_timezone('Asia/Ho_Chi_Minh') | ds }}"
)
PROGRESS = (
    "linkage report /srv/linkage/night.toml --form progress --out /srv/linkage/progress.xlsx"
    " --as-of {{ logical_date.in_timezone('Asia/Ho_Chi_Minh') | ds }}"
)
VERIFY = "linkage verify /srv/linkage/night.toml --json"

with DAG(
    dag_id="linkage_nights",
    schedule="0 1 * * *",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=7))),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 3, "retry_delay": datetime.timedelta(minutes=10)},
):
    look_ahead = BashOperator(task_id="look_ahead", bash_command=LOOK_AHEAD)
    # A gate (3), an input (2) or damage (4) needs a person: it is tried again in vain, and the log says each time why.
    night = BashOperator(task_id="night", bash_command=NIGHT)
    progress = BashOperator(task_id="progress", bash_command=PROGRESS)
    look_ahead >> night >> progress

with DAG(
    dag_id="linkage_verify",
    schedule="0 12 * * 0",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=7))),
    catchup=False,
):
    BashOperator(task_id="verify", bash_command=VERIFY)
