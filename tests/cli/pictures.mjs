// Writes PNG pictures of made-up colours: blobs of light, redder or bluer by their class.
//
//   node pictures.mjs WIDTH HEIGHT CLASS SEED FILE.png
import { writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';

const [width, height, kind, seed] = process.argv.slice(2, 6).map(Number), rows = Buffer.alloc(height * (3 * width + 1));
let state = seed * 2654435761 >>> 0;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const [x, y, size] = [random() * width, random() * height, (.2 + .3 * random()) * width];
for (let i = 0; i < height; i++)
  for (let j = 0; j < width; j++) {
    const light = 220 * Math.exp(-((i - y) ** 2 + (j - x) ** 2) / size ** 2);
    for (let c = 0; c < 3; c++) rows[i * (3 * width + 1) + 1 + 3 * j + c] = light * (c === 2 * kind ? 1 : .4) + 30 * random();
  }
const crc = bytes => {
  let sum = ~0;
  for (const byte of bytes) for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ ((sum ^ byte >> bit) & 1 ? 0xedb88320 : 0);
  return ~sum >>> 0;
};
const chunk = (name, data) => {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length);
  bytes.write(name, 4, 'latin1');
  data.copy(bytes, 8);
  bytes.writeUInt32BE(crc(bytes.subarray(4, -4)), 8 + data.length);
  return bytes;
};
const head = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]);
head.writeUInt32BE(width);
head.writeUInt32BE(height, 4);
writeFileSync(process.argv[6], Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head), chunk('IDAT', deflateSync(rows)),
  chunk('IEND', Buffer.alloc(0))]));
