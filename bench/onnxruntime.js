// node onnxruntime.js MODEL.onnx SHAPE BATCH THREADS SECONDS: how fast onnxruntime-node runs a net, in the words of
// `convo bench`. SHAPE: of one example, "13,74". onnxruntime-node is looked for in $CONVO_ORT, a node_modules folder.
'use strict';
const path = require('path');
const ort = require(path.join(path.resolve(process.env.CONVO_ORT), 'onnxruntime-node'));
const [model, shapeText, batch, threads, seconds] = process.argv.slice(2);
const shape = shapeText.split(',').map(Number);
const repetitions = 7;

const now = () => Number(process.hrtime.bigint()) * 1e-9;
const rising = (a, b) => a - b;

// Batches of `count` random examples that together are as many as convo bench has, so that they come from memory here too.
function batches(count) {
  const size = shape.reduce((a, b) => a * b, 1);
  const all = Math.max(1, Math.floor(Math.min(8192, (64 << 20) / (4 * size)) / count));
  const one = () => Float32Array.from({ length: count * size }, () => 2 * Math.random() - 1);
  return Array.from({ length: all }, () => ({ x: new ort.Tensor('float32', one(), [count, ...shape]) }));
}

let at = 0;
async function spent(session, feeds, count) {
  const began = now();
  for (let k = 0; k < count; k++) await session.run(feeds[at++ % feeds.length]);
  return now() - began;
}

async function open(intraOpNumThreads) {
  return ort.InferenceSession.create(model, { intraOpNumThreads, interOpNumThreads: 1, logSeverityLevel: 3 });
}

async function inference() {
  const session = await open(Number(threads));
  const feeds = batches(Number(batch));
  await spent(session, feeds, 2);
  const count = Math.max(1, Math.round(seconds / repetitions / ((await spent(session, feeds, 3)) / 3)));
  const rates = [];
  for (let k = 0; k < repetitions; k++) rates.push((count * batch) / (await spent(session, feeds, count)));
  rates.sort(rising);
  return { examples_per_second: rates[repetitions >> 1], slowest: rates[0], fastest: rates[repetitions - 1] };
}

async function oneExample(count) {
  const session = await open(count);
  const feeds = batches(1);
  await spent(session, feeds, 10);
  const took = [];
  for (const end = now() + Number(seconds); took.length < 10 || now() < end; ) took.push(await spent(session, feeds, 1));
  took.sort(rising);
  return { p50_us: 1e6 * took[took.length >> 1], p99_us: 1e6 * took[Math.floor(0.99 * took.length)], threads: count };
}

(async () => {
  const inBatches = await inference();
  const alone = [await oneExample(1)];
  if (Number(threads) > 1) alone.push(await oneExample(Number(threads)));
  alone.sort((a, b) => a.p50_us - b.p50_us);
  const { version } = require(path.join(path.resolve(process.env.CONVO_ORT), 'onnxruntime-node', 'package.json'));
  console.log(JSON.stringify({ version, inference: inBatches, one_example: alone[0] }));
})();
