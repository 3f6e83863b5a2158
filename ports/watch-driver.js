// SPDX-License-Identifier: BSD-2-Clause
//
// watch-driver.js PACKAGE TREE: have @parcel/watcher watch the empty directory
// TREE with its kqueue backend, change it, and compare what is told.  Each
// step waits for its events; the time limit is reached by failures only.

'use strict';

const fs = require('fs');
const path = require('path');

const watcher = require(process.argv[2]);
const tree = fs.realpathSync(process.argv[3]);
const at = (...names) => path.join(tree, ...names);
const limit = 20000;

let seen = new Map();
let wake = () => {};

function listen(err, events) {
	if (err)
		seen.set('error', String(err));
	else
		for (const e of events)
			seen.set(path.relative(tree, e.path), e.type);
	wake();
}

// Do something; wait until exactly the wanted events were told, or more.
async function step(name, act, want) {
	const done = () => seen.has('error') ||
	    Object.keys(want).every((k) => seen.has(k));
	let timer;

	seen = new Map();
	const told = new Promise((resolve) => {
		wake = () => done() && resolve();
		timer = setTimeout(resolve, limit);
	});
	act();
	wake();
	await told;
	clearTimeout(timer);
	const got = JSON.stringify([...seen].sort());
	if (got === JSON.stringify(Object.entries(want).sort())) {
		console.log(`passed: ${name}`);
	} else {
		console.log(`failed: ${name}: ${got}, wanted ` +
		    JSON.stringify(Object.entries(want).sort()));
		process.exitCode = 1;
	}
}

async function main() {
	fs.mkdirSync(at('old', 'deep'), { recursive: true });
	fs.writeFileSync(at('old', 'deep', 'file'), 'before');
	const options = { backend: 'kqueue', ignore: [at('ignored')] };
	const sub = await watcher.subscribe(tree, listen, options);

	await step('a file is made', () =>
	    fs.writeFileSync(at('a'), ''), { a: 'create' });
	await step('it is written', () =>
	    fs.writeFileSync(at('a'), 'text'), { a: 'update' });
	await step('a file that was there before is appended to', () =>
	    fs.appendFileSync(at('old', 'deep', 'file'), ' and after'),
	    { 'old/deep/file': 'update' });
	await step('it is truncated', () =>
	    fs.truncateSync(at('old', 'deep', 'file'), 3),
	    { 'old/deep/file': 'update' });
	await step('a file is renamed', () =>
	    fs.renameSync(at('a'), at('b')), { a: 'delete', b: 'create' });
	await step('a directory is made', () =>
	    fs.mkdirSync(at('new')), { new: 'create' });
	await step('a file is made in it', () =>
	    fs.writeFileSync(at('new', 'c'), ''), { 'new/c': 'create' });
	await step('a hundred files at once', () => {
		for (let i = 0; i < 100; i++)
			fs.writeFileSync(at('new', `n${i}`), '');
	}, Object.fromEntries(Array.from({ length: 100 },
	    (_, i) => [`new/n${i}`, 'create'])));
	await step('they are removed', () => {
		for (let i = 0; i < 100; i++)
			fs.unlinkSync(at('new', `n${i}`));
	}, Object.fromEntries(Array.from({ length: 100 },
	    (_, i) => [`new/n${i}`, 'delete'])));
	await step('a file is removed', () =>
	    fs.unlinkSync(at('new', 'c')), { 'new/c': 'delete' });
	await step('what is ignored is not told', () => {
		fs.writeFileSync(at('ignored'), '');
		fs.writeFileSync(at('told'), '');
	}, { told: 'create' });

	await sub.unsubscribe();
	// The backend's thread has ended: nobody watches any more.
	seen = new Map();
	fs.writeFileSync(at('unseen'), '');
	const again = await watcher.subscribe(tree, listen, options);
	await step('subscribed again', () =>
	    fs.unlinkSync(at('unseen')), { unseen: 'delete' });
	await again.unsubscribe();
}

main().catch((err) => {
	console.log(`failed: ${err.stack}`);
	process.exitCode = 1;
});
