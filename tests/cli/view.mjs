// Looks at what `convo view` serves, in Chromium, headless, and prints what it sees as JSON. Commands, in order:
//
//   open URL WIDTH light|dark|still    opens a page
//   until JAVASCRIPT                   waits for an expression in the page to be true, for 40 seconds at most
//   say JAVASCRIPT                     adds the value of an expression to the list `said`
//   click JAVASCRIPT                   an element
//   key NAME                           presses a key, such as Tab or Enter
//   draw FILE.png                      the whole page
//   note FILE                          writes a file, for others to see that it has come so far
//
//   node view.mjs CHROMIUM COMMAND ...
import { writeFileSync } from 'node:fs';
import { openBrowser } from './browser.mjs';

const [chromium, ...words] = process.argv.slice(2);
const { call, evaluate, show, click, close, requests, messages } = await openBrowser(chromium);
const said = [], missed = [];
const commands = {
  open: (url, width, scheme) => show(url, +width, scheme, scheme === 'still'),
  until: async condition => {
    for (let tries = 0; tries < 400; tries++) {
      if (await evaluate(condition)) return;
      await new Promise(done => setTimeout(done, 100));
    }
    missed.push(condition);
  },
  say: async expression => said.push(await evaluate(expression)),
  click: async element => {
    await evaluate(`${element}.scrollIntoView({ block: 'center' })`);
    await click(element);
  },
  key: async key => {
    for (const type of ['keyDown', 'keyUp'])
      await call('Input.dispatchKeyEvent', { type, key, code: key, text: key === 'Enter' && type === 'keyDown' ? '\r' : undefined,
        windowsVirtualKeyCode: { Tab: 9, Enter: 13, Escape: 27 }[key] });
  },
  note: async file => writeFileSync(file, ''),
  draw: async file => {
    const shot = await call('Page.captureScreenshot', { captureBeyondViewport: true, format: 'png' });
    writeFileSync(file, Buffer.from(shot.data, 'base64'));
  },
};
while (words.length) {
  const command = commands[words.shift()];
  await command(...words.splice(0, command.length));
}
console.log(JSON.stringify({ said, missed, requests, messages }));
close();
