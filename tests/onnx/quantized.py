"""quantized.py MODEL X Y: a net in 8-bit numbers as other programs write it: floats rounded by QuantizeLinear and
DequantizeLinear on the way (PyTorch), whole numbers as constants, with and without signs and zeros (onnxruntime), biases
of 32 bits. Y is what it says to X if values are not rounded, both
plain floats. Needs python3-onnx."""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

random = np.random.default_rng(1)
constants, nodes = [], []


def constant(name, value):
    constants.append(numpy_helper.from_array(np.asarray(value), name))
    return name


def node(kind, inputs, output, **attributes):
    nodes.append(helper.make_node(kind, inputs, [output], **attributes))
    return output


def values(x, name):  # rounded values of a layer
    scale, zero = constant(name + ".s", np.float32(0.02)), constant(name + ".z", np.uint8(128))
    return node("DequantizeLinear", [node("QuantizeLinear", [x, scale, zero], name + ".q"), scale, zero], name + ".dq")


w1 = random.uniform(-1, 1, (6, 3, 3, 3)).astype(np.float32)
s1 = (np.abs(w1).reshape(6, -1).max(1) / 127).astype(np.float32)
q1 = np.clip(np.rint(w1 / s1[:, None, None, None]), -128, 127)
b1 = random.integers(-900, 900, 6).astype(np.int32)
w2 = random.integers(0, 256, (6 * 4 * 4, 5)).astype(np.uint8)

x = values("x", "input")
scales, zeros = constant("w1.s", s1), constant("w1.z", np.zeros(6, np.int8))
whole = node("QuantizeLinear", [constant("w1", w1), scales, zeros], "w1.q", axis=0)
weight = node("DequantizeLinear", [whole, scales, zeros], "w1.dq", axis=0)
bias = node("DequantizeLinear", [constant("b1", b1), constant("b1.s", s1 * np.float32(0.02))], "b1.dq", axis=0)
x = values(node("Relu", [node("Conv", [x, weight, bias], "conv", pads=[1, 1, 1, 1])], "relu"), "hidden")
x = node("Flatten", [node("MaxPool", [x], "pool", kernel_shape=[2, 2], strides=[2, 2])], "flat")
weight = node("DequantizeLinear", [constant("w2", w2), constant("w2.s", np.float32(0.01)), constant("w2.z", np.uint8(120))],
              "w2.dq")
values(node("MatMul", [x, weight], "product"), "y")

graph = helper.make_graph(nodes, "quantized", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, 8, 8])],
                          [helper.make_tensor_value_info("y.dq", TensorProto.FLOAT, ["N", 5])], constants)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), sys.argv[1])

x = random.uniform(-1, 1, (7, 3, 8, 8)).astype(np.float32)
padded = np.pad(x.astype(np.float64), [(0, 0), (0, 0), (1, 1), (1, 1)])
kernel = q1 * s1[:, None, None, None].astype(np.float64)
y = np.zeros((7, 6, 8, 8)) + (b1 * s1.astype(np.float64) * 0.02)[None, :, None, None]
for i in range(3):
    for j in range(3):
        y += np.einsum("ncij,oc->noij", padded[:, :, i:i + 8, j:j + 8], kernel[:, :, i, j])
y = np.maximum(y, 0).reshape(7, 6, 4, 2, 4, 2).max((3, 5)).reshape(7, -1) @ ((w2.astype(np.float64) - 120) * 0.01)
x.tofile(sys.argv[2])
y.astype(np.float32).tofile(sys.argv[3])
