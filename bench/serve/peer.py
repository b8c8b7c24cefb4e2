"""A model served the way one would in Python: `peer.py <sklearn|torch>` behind FastAPI and uvicorn, or, where they are not installed,
behind the standard library's ThreadingHTTPServer. Says {"port", "server"} in a line and ends with its stdin.

The body is that of our own route, {"instances": [{feature: value}]}, and so is the answer: a label and the probabilities.
"""
import json
import os
import socket
import sys
import threading

import numpy as np


def logistic():
    import sklearn
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    names = [f"x{i}" for i in range(10)]
    x = np.random.default_rng(1).uniform(size=(400, 10))
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, (x[:, 0] + x[:, 1] > 1).astype(int))

    def probabilities(instances):
        return model.predict_proba(np.array([[row[name] for name in names] for row in instances]))

    return probabilities, f"scikit-learn {sklearn.__version__}"


def cnn():
    import torch
    from torch import nn

    torch.set_num_threads(1)
    model = nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(1600, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(1)),
    ).eval()

    def probabilities(instances):
        pixels = np.array([row["image"] for row in instances], dtype=np.float32)
        with torch.inference_mode():
            return model(torch.from_numpy(pixels).unsqueeze(1)).numpy()

    return probabilities, f"PyTorch {torch.__version__}"


probabilities, library = {"sklearn": logistic, "torch": cnn}[sys.argv[1]]()


def predictions(instances):
    rows = probabilities(instances)
    keys = [str(label) for label in range(rows.shape[1])]
    return [{"label": int(row.argmax()), "probabilities": dict(zip(keys, row.tolist()))} for row in rows]


def say(port, server):
    print(json.dumps({"port": port, "server": f"{server}, {library}"}), flush=True)


def serve_fastapi():
    import fastapi
    import uvicorn
    from pydantic import BaseModel

    class Body(BaseModel):
        instances: list

    app = fastapi.FastAPI()

    @app.post("/predict")
    async def predict(body: Body):
        return {"predictions": predictions(body.instances)}

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    say(listener.getsockname()[1], f"FastAPI {fastapi.__version__} on uvicorn {uvicorn.__version__}")
    uvicorn.Server(uvicorn.Config(app, log_level="critical", access_log=False)).run(sockets=[listener])


def serve_standard_library():
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer = json.dumps({"predictions": predictions(body["instances"])}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    say(server.server_port, "the standard library's ThreadingHTTPServer (no FastAPI here)")
    server.serve_forever()


threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
try:
    serve_fastapi()
except ModuleNotFoundError:
    serve_standard_library()
