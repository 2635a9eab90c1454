"""The example of a web service under load: rows per second, latencies and errors, on localhost.

Eight clients send one request after the other, for a fixed time, with one row or with many. One
model is served as a file of ``save_model`` and as an ONNX file, in turns.

    pip install -c constraints.txt -e ".[onnx,persist]" fastapi uvicorn
    python benchmarks/speed/serving.py      # three minutes
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
import onnx

from benchmarks._shared.record import write
from sk_mmoe import MMoEClassifier, save_model
from sk_mmoe.datasets import fetch_census_income
from sk_mmoe.export import to_onnx

SERVICE = Path(__file__).parents[2] / "examples" / "serving"
N_CLIENTS, SECONDS, ROUNDS = 8, 10, 3
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
    """Return the duration, seconds and statuses of requests under the load of all clients."""
    path = "/predict" if n_rows == 1 else "/predict_rows"
    starts = range(0, len(rows) - n_rows + 1, n_rows)
    bodies = [json.dumps(rows[i] if n_rows == 1 else rows[i : i + n_rows]) for i in starts]
    send(port, path, bodies, time.perf_counter() + 1)  # warm up
    begin = time.perf_counter()
    with ThreadPoolExecutor(N_CLIENTS) as pool:
        jobs = [pool.submit(send, port, path, bodies, begin + SECONDS) for _ in range(N_CLIENTS)]
        found = [job.result() for job in jobs]
    elapsed = time.perf_counter() - begin
    return elapsed, *(np.concatenate(parts) for parts in zip(*found, strict=True))


def summary(file, n_rows, rounds):
    """Return what a service did in all rounds."""
    elapsed, seconds, statuses = zip(*rounds, strict=True)
    rates = [n_rows * len(part) / time for part, time in zip(seconds, elapsed, strict=True)]
    seconds, statuses = np.concatenate(seconds), np.concatenate(statuses)
    p50, p99 = 1000 * np.percentile(seconds, [50, 99])
    return {
        "file": file,
        "rows_of_a_request": n_rows,
        "clients": N_CLIENTS,
        "requests": len(seconds),
        "errors": int((statuses != 200).sum()),
        "rows_per_second": round(n_rows * len(seconds) / sum(elapsed), 1),
        "rows_per_second_of_rounds": [round(rate, 1) for rate in rates],
        "p50_ms": round(float(p50), 2),
        "p99_ms": round(float(p99), 2),
    }


def free_port():
    """Return a port that nobody uses."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def main():
    """Train a model, start a service of each file, and measure them in turns."""
    X, y = fetch_census_income(return_X_y=True)
    X, y = X[:N_TRAINING_ROWS], y[:N_TRAINING_ROWS]
    # Numbers as JSON has them: a column of whole numbers may have gaps in other rows.
    numbers = X.select_dtypes("number").columns
    X = X.astype(dict.fromkeys(numbers, float))
    model = MMoEClassifier(max_iter=2, random_state=0).fit(X, y)
    rows = json.loads(X[:N_SENT_ROWS].to_json(orient="records"))
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        files = {"safetensors": Path(folder, "model.safetensors"), "onnx": Path(folder, "m.onnx")}
        save_model(model, files["safetensors"])
        onnx.save(to_onnx(model, X[:5]), files["onnx"])
        ports = {file: free_port() for file in files}
        processes = []
        try:
            for file, path in files.items():
                processes.append(start(path, ports[file]))
            for n_rows in ROWS_OF_A_REQUEST * ROUNDS:
                for file, port in ports.items():
                    found.setdefault((file, n_rows), []).append(load(port, rows, n_rows))
        finally:
            for process in processes:
                process.terminate()
                process.wait()
    write(
        "speed/serving",
        question="What does one process of the example service answer to eight clients?",
        runs=[summary(*case, rounds) for case, rounds in found.items()],
        load_average=os.getloadavg(),
    )


if __name__ == "__main__":
    main()
