// Runs the net of a page that `convo export -o PAGE.html` wrote over clips.bin, as run.c does.    node wasm.mjs PAGE.html
import { readFileSync, writeFileSync } from 'node:fs';

const [, text] = readFileSync(process.argv[2], 'latin1').match(/id="wasm">([^<]*)</);
const { instance: { exports: net } } = await WebAssembly.instantiate(Buffer.from(text, 'base64'), {});
const numbers = (Type, name, count) => new Type(net.memory.buffer, net[name].value, count);
const [stateSize, classes, , samples] = numbers(Int32Array, 'facts', 4);
const failed = net.self_test(), input = numbers(Int16Array, 'input', samples), state = numbers(Uint8Array, 'state', stateSize);
const file = readFileSync('clips.bin'), counts = new Float32Array(file.buffer, file.byteOffset, file.length / 4);
const clips = Math.floor(counts.length / samples);
const scores = new Float32Array(clips * classes), hashes = new Uint32Array(clips);
for (let k = 0; k < clips; k++) {
  for (let i = 0; i < samples; i++) input[i] = counts[k * samples + i];
  net.predict(samples);
  scores.set(numbers(Float32Array, 'scores', classes), k * classes);
  hashes[k] = state.reduce((hash, byte) => Math.imul(hash ^ byte, 16777619), 2166136261); // FNV-1a
}
writeFileSync('scores.bin', scores);
writeFileSync('hashes.bin', hashes);
process.exit(failed);
