"""The example of a web service under load: rows per second, latencies and errors, on localhost.

Eight clients send one request after the other, for a fixed time, with one row or with many.

    pip install -c constraints.txt -e ".[persist]" fastapi uvicorn
    python benchmarks/speed/serving.py      # two minutes
"""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks._shared.record import write
from sk_mmoe import MMoEClassifier, save_model
from sk_mmoe.datasets import fetch_census_income

SERVICE = Path(__file__).parents[2] / "examples" / "serving"
N_CLIENTS, SECONDS = 8, 20
ROWS_OF_A_REQUEST = (1, 100)
N_TRAINING_ROWS, N_SENT_ROWS = 20_000, 1000


def start(model_file, port):
    """Start the service, and return its process once it answers."""
    command = [sys.executable, "-m", "uvicorn", "service:create_app", "--factory"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--log-level", "warning"],
        cwd=SERVICE,
        env=os.environ | {"SK_MMOE_MODEL": str(model_file), "OMP_NUM_THREADS": "1"},
    )
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process
        if process.poll() is not None:
            raise RuntimeError("the service did not start.")
        time.sleep(0.1)
    process.terminate()
    raise RuntimeError("the service does not answer.")


def send(port, path, bodies, until):
    """Send requests one after the other; return the seconds and the status of each."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    seconds, statuses = [], []
    while time.perf_counter() < until:
        body = bodies[len(seconds) % len(bodies)]
        begin = time.perf_counter()
        connection.request("POST", path, body, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        seconds.append(time.perf_counter() - begin)
        statuses.append(reply.status)
    connection.close()
    return seconds, statuses


def load(port, rows, n_rows):
    """Return what the service does under the load of all clients."""
    path = "/predict" if n_rows == 1 else "/predict_rows"
    starts = range(0, len(rows) - n_rows + 1, n_rows)
    bodies = [json.dumps(rows[i] if n_rows == 1 else rows[i : i + n_rows]) for i in starts]
    send(port, path, bodies, time.perf_counter() + 1)  # warm up
    begin = time.perf_counter()
    with ThreadPoolExecutor(N_CLIENTS) as pool:
        jobs = [pool.submit(send, port, path, bodies, begin + SECONDS) for _ in range(N_CLIENTS)]
        found = [job.result() for job in jobs]
    elapsed = time.perf_counter() - begin
    seconds = np.concatenate([part for part, _ in found])
    statuses = np.concatenate([part for _, part in found])
    p50, p99 = 1000 * np.percentile(seconds, [50, 99])
    return {
        "rows_of_a_request": n_rows,
        "clients": N_CLIENTS,
        "requests": len(seconds),
        "errors": int((statuses != 200).sum()),
        "rows_per_second": round(n_rows * len(seconds) / elapsed, 1),
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
    }


def main():
    """Train a model, start the service, and measure."""
    X, y = fetch_census_income(return_X_y=True)
    model = MMoEClassifier(max_iter=2, random_state=0).fit(X[:N_TRAINING_ROWS], y[:N_TRAINING_ROWS])
    rows = json.loads(X[:N_SENT_ROWS].to_json(orient="records"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, Path(folder) / "model.safetensors")
        process = start(Path(folder) / "model.safetensors", port)
        try:
            runs = [load(port, rows, n_rows) for n_rows in ROWS_OF_A_REQUEST]
        finally:
            process.terminate()
            process.wait()
    write(
        "speed/serving",
        question="What does one process of the example service answer to eight clients?",
        runs=runs,
        load_average=os.getloadavg(),
    )


if __name__ == "__main__":
    main()
