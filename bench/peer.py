"""One side of a race in Python: `peer.py <module> <threads> <arrays as JSON>`, the case's script on the first line of stdin as JSON.

Answers a line of JSON to each line: "run" with the time of one run, "solution <file>" with the file written, "end" with the peak memory.
"""
import json
import resource
import sys
import time

import numpy as np

module, threads = sys.argv[1], int(sys.argv[2])
if module == "torch":
    import torch

    torch.set_num_threads(threads)
    version = torch.__version__
else:
    import sklearn

    version = sklearn.__version__

data = {
    name: np.fromfile(array["file"], dtype=array["dtype"]).reshape(array["shape"])
    for name, array in json.loads(sys.argv[3]).items()
}


def answer(value):
    print(json.dumps(value), flush=True)


exec(json.loads(sys.stdin.readline()))
answer({"version": version})
for line in sys.stdin:
    command, *rest = line.split()
    if command == "run":
        wall, cpu = time.perf_counter(), time.process_time()
        run()
        answer({"ms": 1e3 * (time.perf_counter() - wall), "cpu_ms": 1e3 * (time.process_time() - cpu)})
    elif command == "solution":
        np.asarray(solution(), dtype=np.float64).tofile(rest[0])
        answer({})
    else:
        answer({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3})
        break
