// The story that a program is told, as JSON, on standard input: ../../scenario/json.go's.
'use strict';

const fs = require('fs');

// A value that JSON has not is an object: bytes as {"bytes": base64}, and {"broken": base64} if they should have been text,
// of which Node makes U+FFFD.
const value = (v) => {
  if (v.bytes) return Buffer.from(v.bytes, 'base64');
  return v.broken ? Buffer.from(v.broken, 'base64').toString() : v;
};

// keyed are the tags whose values a client can be told, as an object.
exports.keyed = (tags, can) => Object.fromEntries((tags || []).map((t) => [t.key, value(t.value)]).filter(([, v]) => can(v)));
exports.services = () => JSON.parse(fs.readFileSync(0, 'utf8'));
