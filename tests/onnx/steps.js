// node steps.js LIST: runs ONNX models of 8-bit numbers with onnxruntime-node, from $CONVO_ORT. LIST has lines of four
// words: MODEL.onnx INPUT.npy OUTPUT.npy SCALE, with the outputs that a device computes, whose steps are SCALE. Prints
// for each model "MODEL ROWS LABELS VALUES STEPS": rows, labels that differ, numbers that differ, by how many steps.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require(path.join(path.resolve(process.env.CONVO_ORT), 'onnxruntime-node'));

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const start = 10 + bytes.readUInt16LE(8);
  const shape = /\(([^)]*)\)/.exec(bytes.toString('latin1', 10, start))[1].split(',').filter((x) => x.trim()).map(Number);
  return { shape, data: new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length)) };
}

const largest = (row) => row.reduce((best, x, k) => (x > row[best] ? k : best), 0);

(async () => {
  for (const line of fs.readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
    const [model, input, output, scale] = line.split(' ');
    const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
    const x = readNpy(input);
    const want = readNpy(output).data;
    const result = await session.run({ [session.inputNames[0]]: new ort.Tensor('float32', x.data, x.shape) });
    const got = result[session.outputNames[0]].data;
    const width = want.length / x.shape[0];
    let labels = 0, values = 0, steps = 0;
    for (let n = 0; n < x.shape[0]; n++) {
      const row = (of) => of.slice(n * width, (n + 1) * width);
      labels += largest(row(got)) !== largest(row(want));
    }
    for (let k = 0; k < want.length; k++) {
      const off = Math.round(Math.abs(got[k] - want[k]) / scale);
      values += off > 0;
      if (!(off <= steps)) steps = off;
    }
    console.log(`${model} ${x.shape[0]} ${labels} ${values} ${steps}`);
  }
})();
