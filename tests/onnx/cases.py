"""cases.py FOLDER: the single-operator cases of libonnx-testdata that are about layers of a net, as nets: all inputs but the
first one become constants, and a Flatten is added where the output is no vector. FOLDER/list is as in nets.py. Cases that
no net could be (the first input is no batch of floats, or less than two values come out) are left out, and listed in
FOLDER/left_out. Needs python3-onnx."""
import glob
import os
import sys

import numpy as np
import onnx
from onnx import helper, numpy_helper

DATA = "/usr/share/libonnx-testdata/data"
TYPES = {"Add", "AveragePool", "BatchNormalization", "Clip", "Conv", "Dropout", "Elu", "Flatten", "Gemm", "GlobalAveragePool",
         "GlobalMaxPool", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "LogSoftmax", "MatMul", "MaxPool", "PRelu", "Pad",
         "ReduceMean", "Relu", "Reshape", "Selu", "Sigmoid", "Softmax", "Squeeze", "Tanh", "Constant"}
folder = sys.argv[1]


def tensor(path):
    proto = onnx.TensorProto()
    with open(path, "rb") as file:
        proto.ParseFromString(file.read())
    return numpy_helper.to_array(proto)


def convert(case, number):
    """The reason why the case is left out; None: it is written."""
    model = onnx.load(os.path.join(case, "model.onnx"))
    graph, data = model.graph, os.path.join(case, "test_data_set_0")
    held = {t.name for t in graph.initializer}
    inputs = [v for v in graph.input if v.name not in held]
    try:
        x, y = tensor(os.path.join(data, "input_0.pb")), tensor(os.path.join(data, "output_0.pb"))
    except ValueError:
        return "its data cannot be read"
    if x.dtype != np.float32 or y.dtype != np.float32:
        return "not of floats"
    if x.ndim > 4:
        return "more than four dimensions"
    if x.ndim < 2 or y.ndim < 2 or y.shape[0] != x.shape[0]:
        return "not over a batch"
    if y.size // y.shape[0] < 2:
        return "a single value comes out"
    for k, value in enumerate(inputs[1:], 1):
        graph.initializer.append(numpy_helper.from_array(tensor(os.path.join(data, f"input_{k}.pb")), value.name))
        graph.input.remove(value)
    last = graph.output[0].name
    if graph.node[-1].op_type == "Softmax":  # at the end it would be left out
        graph.node.append(helper.make_node("Identity", [last], ["same"]))
        last = "same"
    del graph.output[1:]
    if y.ndim != 2:
        graph.node.append(helper.make_node("Flatten", [last], ["flat"], axis=1, name="made flat"))
        last = "flat"
    graph.output.pop()
    graph.output.append(helper.make_tensor_value_info(last, onnx.TensorProto.FLOAT, [None, None]))
    path = lambda end: os.path.join(folder, f"{number}{end}")
    onnx.save(model, path(".onnx"))
    np.save(path(".x.npy"), x)
    np.save(path(".y.npy"), y.reshape(y.shape[0], -1))
    return None, f"{number}.onnx {number}.x.npy {number}.y.npy either {os.path.basename(case)}"


os.makedirs(folder, exist_ok=True)
with open(os.path.join(folder, "list"), "w") as lines, open(os.path.join(folder, "left_out"), "w") as left:
    cases = sorted(c for kind in ("node", "pytorch-converted", "pytorch-operator", "simple") for c in glob.glob(f"{DATA}/{kind}/test_*"))
    for number, case in enumerate(cases):
        if not os.path.exists(os.path.join(case, "test_data_set_0", "input_0.pb")):
            continue
        types = {n.op_type for n in onnx.load(os.path.join(case, "model.onnx")).graph.node}
        if not types <= TYPES:
            continue
        result = convert(case, number)
        if isinstance(result, tuple):
            print(result[1], file=lines)
        else:
            print(os.path.basename(case), result, file=left)
