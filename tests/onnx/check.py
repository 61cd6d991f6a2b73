"""check.py FILE...: the ONNX checker, shapes included. Prints the opset and IR version of each file."""
import sys

import onnx

for name in sys.argv[1:]:
    model = onnx.load(name)
    onnx.checker.check_model(model, full_check=True)
    print(name, model.opset_import[0].version, model.ir_version)
