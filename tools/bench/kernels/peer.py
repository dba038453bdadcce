"""PyTorch's side of bench:kernels: prepares and times the cases it is asked for, one JSON line each way."""
import gc
import importlib
import json
import os
import sys
import time
import traceback

import torch

torch.set_num_threads(2)
sys.path.insert(0, os.path.dirname(__file__))
run = None


def fingerprint(t):
    values = t.detach().double().reshape(-1)
    weights = (torch.arange(values.numel()) * 31 % 257).double() / 256
    return {
        "size": values.numel(),
        "sum": values.sum().item(),
        "absolute": values.abs().sum().item(),
        "weighted": (values * weights).sum().item(),
    }


def answer(message):
    global run
    match message["do"]:
        case "about":
            return {"torch": torch.__version__}
        case "prepare":
            try:
                family = importlib.import_module(message["family"])
                run = family.prepare(message["case"])
            except (NotImplementedError, ModuleNotFoundError) as e:
                return {"skip": str(e)}
            results = run()
            return {"fingerprints": [fingerprint(t) for t in (results if isinstance(results, (list, tuple)) else [results])]}
        case "time":
            count = range(message["batch"])
            times = []
            for _ in count:
                run()
            end = time.perf_counter() + message["seconds"]
            while True:
                start = time.perf_counter()
                for _ in count:
                    run()
                now = time.perf_counter()
                times.append((now - start) / len(count))
                if now >= end:
                    return {"times": times}
        case "drop":
            run = None
            gc.collect()
            return {}


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception:
        reply = {"error": traceback.format_exc()}
    print(json.dumps(reply), flush=True)
