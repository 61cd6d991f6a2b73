// Runs a net that is compiled to WebAssembly with wasm.c over clips.bin, as run.c does.    node wasm.mjs NET.wasm
import { readFileSync, writeFileSync } from 'node:fs';

const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {});
const net = instance.exports, samples = net.samples(), classes = net.classes();
const failed = net.self_test();
const file = readFileSync('clips.bin'), counts = new Float32Array(file.buffer, file.byteOffset, file.length / 4);
const clips = Math.floor(counts.length / samples);
const scores = new Float32Array(clips * classes), hashes = new Uint32Array(clips);
for (let k = 0; k < clips; k++) {
  const clip = new Int16Array(net.memory.buffer, net.clip_at(), samples);
  for (let i = 0; i < samples; i++) clip[i] = counts[k * samples + i];
  hashes[k] = net.predict();
  scores.set(new Float32Array(net.memory.buffer, net.scores_at(), classes), k * classes);
}
writeFileSync('scores.bin', scores);
writeFileSync('hashes.bin', hashes);
process.exit(failed);
