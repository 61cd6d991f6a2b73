// node score.js LIST: runs ONNX models with onnxruntime-node, which is looked for in $CONVO_ORT (a node_modules folder).
// LIST has lines of three names: MODEL.onnx INPUT.npy OUTPUT.npy. The output is what the model should say to the input,
// as .npy of floats. Prints one line per model, "MODEL DIFFERENCE SAME", the largest difference and whether every row
// has its largest value at the same place; the exit status is 1 when a model cannot be run.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require(path.join(path.resolve(process.env.CONVO_ORT), 'onnxruntime-node'));

function readNpy(file) {
  const bytes = fs.readFileSync(file);
  const length = bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, 10 + length);
  if (!header.includes("'<f4'")) throw new Error(file + ' does not hold floats');
  const shape = /\(([^)]*)\)/.exec(header)[1].split(',').filter((x) => x.trim()).map(Number);
  const body = bytes.subarray(10 + length);
  return { shape, data: new Float32Array(body.buffer.slice(body.byteOffset, body.byteOffset + body.length)) };
}

const largest = (row) => row.reduce((best, x, k) => (x > row[best] ? k : best), 0);

async function score(line) {
  const [model, input, output] = line.split(' ');
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const x = readNpy(input);
  const want = readNpy(output);
  const tensor = new ort.Tensor('float32', x.data, x.shape);
  const result = await session.run({ [session.inputNames[0]]: tensor });
  const got = result[session.outputNames[0]];
  if (got.data.length !== want.data.length) throw new Error('it gives ' + got.dims + ', not ' + want.shape);
  let worst = 0;
  for (let k = 0; k < want.data.length; k++) {
    const off = Math.abs(got.data[k] - want.data[k]);
    if (!(off <= worst)) worst = Number.isNaN(off) ? Infinity : off;
  }
  const width = want.data.length / x.shape[0];
  let same = true;
  for (let n = 0; n < x.shape[0]; n++) {
    const row = (of) => of.data.slice(n * width, (n + 1) * width);
    same = same && largest(row(got)) === largest(row(want));
  }
  console.log(model + ' ' + worst.toExponential(2) + ' ' + same);
}

(async () => {
  for (const line of fs.readFileSync(process.argv[2], 'utf8').split('\n').filter(Boolean)) {
    try {
      await score(line);
    } catch (problem) {
      console.log(line.split(' ')[0] + ' Infinity false ' + problem.message.split('\n')[0]);
      process.exitCode = 1;
    }
  }
})();
