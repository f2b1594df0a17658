"""A server that is killed while officers decide: what was answered is there, and nothing else."""

from __future__ import annotations

import random
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import select

from linkage.review import audit
from linkage.review.store import open_store
from linkage.review.tables import claims, events, items
from tests.review_served import PASSWORD, make_served

N_MORE = 60
pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        return int(asked.getsockname()[1])


def served(store: Path, port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "linkage.cli", "review", "serve", "--store", str(store), "--port", str(port)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert started.stdout is not None
    assert b"127.0.0.1" in started.stdout.readline()  # it listens
    return started


def decide(address: str, account: str, wanted: list[tuple[int, list[int]]], answered: list[int]) -> None:
    """Log in, and decide one item after the other until nobody answers."""
    headers = {"Origin": address}
    try:
        with httpx2.Client(base_url=address, headers=headers, timeout=60) as client:
            client.post("/login", data={"account": account, "password": PASSWORD})
            token = client.get("/keys").text.split('name="form_token" value="')[1].split('"')[0]
            for item_id, rows in wanted:
                sent = {"form_token": token, "version": "0", "choice": "nobody", "claim": rows}
                if client.post(f"/items/{item_id}/decide", data=sent).status_code == 303:
                    answered.append(item_id)
    except httpx2.TransportError:
        return


@pytest.mark.parametrize("seed", range(4))
def test_what_was_answered_is_there_after_a_kill(tmp_path: Path, seed: int) -> None:
    make_served(tmp_path, N_MORE)
    path, port = tmp_path / "review.db", free_port()
    store = open_store(path)
    with store.reading() as connection:
        query = select(items.c.item_id).where(items.c.unit == "25090").order_by(items.c.item_id)
        rows = dict[int, list[int]]()
        for row in connection.execute(select(claims.c.item_id, claims.c.claim_row)):
            rows.setdefault(row.item_id, []).append(row.claim_row)
        wanted = [(int(number), rows[number]) for number in connection.execute(query).scalars()]
    store.close()
    server, answered = served(path, port), list[int]()
    halves = {"an": wanted[::2], "binh": wanted[1::2]}
    deciding = [
        threading.Thread(target=decide, args=(f"http://127.0.0.1:{port}", account, half, answered))
        for account, half in halves.items()
    ]
    for thread in deciding:
        thread.start()
    most = random.Random(seed).randint(1, len(wanted) // 2)
    while len(answered) < most and any(thread.is_alive() for thread in deciding):
        time.sleep(0.002)
    server.send_signal(signal.SIGKILL)
    server.communicate()
    for thread in deciding:
        thread.join()
    store = open_store(path)
    with store.reading() as connection:
        audit.verify(connection)
        said = connection.execute(select(events.c.item_id)).scalars().all()
        decided = connection.execute(select(items.c.item_id).where(items.c.state == "decided")).scalars().all()
        pinned = connection.execute(select(claims.c.item_id).where(claims.c.event_id.is_not(None))).scalars().all()
    store.close()
    assert set(answered) <= set(said)
    assert len(said) - len(answered) <= len(deciding)  # what was on its way
    assert sorted(said) == sorted(decided) == sorted(set(pinned))
    assert most <= len(answered) < len(wanted)
