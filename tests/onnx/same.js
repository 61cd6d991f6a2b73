// node same.js MODEL.onnx FEATURES.npy SAID.json: the probabilities of one recording by onnxruntime-node, from $CONVO_ORT,
// against those that `convo predict --json --top` printed. Labels are numbers here.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require(path.join(path.resolve(process.env.CONVO_ORT), 'onnxruntime-node'));

(async () => {
  const [model, features, json] = process.argv.slice(2);
  const bytes = fs.readFileSync(features);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const shape = /\(([^)]*)\)/.exec(header)[1].split(',').filter((x) => x.trim()).map(Number);
  const x = new Float32Array(bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length));
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const result = await session.run({ input: new ort.Tensor('float32', x, [1, ...shape]) });
  const said = JSON.parse(fs.readFileSync(json, 'utf8'));
  const got = result.probabilities.data;
  const best = got.reduce((b, p, k) => (p > got[b] ? k : b), 0);
  const off = Math.max(...said.top.map((t) => Math.abs(got[Number(t.label)] - t.probability)));
  console.log(`label ${best}, largest difference ${off}`);
  process.exit(String(best) === said.label && off < 1e-5 ? 0 : 1);
})();
