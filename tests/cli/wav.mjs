// Writes WAV files of the clips that `convo data export` wrote as an array of 16-bit counts, in floats.
//
//   node wav.mjs ARRAY.npy SAMPLES RATE NUMBER FILE.wav ...    clip NUMBER, or several joined with commas; NUMBER@RATE:
//                                                              as if at another rate, each sample twice as often
import { readFileSync, writeFileSync } from 'node:fs';

const [array, samples, rate, ...wanted] = process.argv.slice(2);
const file = readFileSync(array), size = 4 * samples, count = Math.floor((file.length - 80) / size);
const begin = file.length - count * size; // behind the header
for (let k = 0; k < wanted.length; k += 2) {
  const [numbers, times = 1] = wanted[k].split('x'), clips = numbers.split(',').map(n => {
    const clip = Buffer.alloc(2 * samples * times);
    for (let i = 0; i < samples * times; i++) clip.writeInt16LE(file.readFloatLE(begin + n * size + 4 * Math.floor(i / times)), 2 * i);
    return clip;
  });
  const data = Buffer.concat(clips), head = Buffer.alloc(44);
  ['RIFF', 'WAVE', 'fmt ', 'data'].forEach((word, i) => head.write(word, [0, 8, 12, 36][i], 'latin1'));
  [[4, 36 + data.length], [16, 16], [24, rate * times], [28, 2 * rate * times], [40, data.length]].forEach(([at, v]) => head.writeUInt32LE(v, at));
  [[20, 1], [22, 1], [32, 2], [34, 16]].forEach(([at, v]) => head.writeUInt16LE(v, at));
  writeFileSync(wanted[k + 1], Buffer.concat([head, data]));
}
