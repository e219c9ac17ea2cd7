// Preload for a perturbed run: Date is ahead by the milliseconds in this file's name, in every process, worker and vm context.
// Timers, performance.now() and the times of files are the real ones.
"use strict";

const { syncBuiltinESMExports } = require("node:module");
const vm = require("node:vm");

const AHEAD_MS = Number(/\.(\d+)\.cjs$/.exec(__filename)[1]);

// It runs in the realm whose Date it replaces; `realm` is the global object there.
function advance(realm, ahead) {
  const Real = realm.Date;
  const { now } = Real;
  const shifted = () => now() + ahead;
  const Ahead = new Proxy(Real, {
    construct: (target, values, made) => Reflect.construct(target, values.length ? values : [shifted()], made),
    apply: () => new Real(shifted()).toString(),
  });
  Object.defineProperty(Real, "now", { value: { now: () => shifted() }.now, writable: true, configurable: true });
  Object.defineProperty(Real.prototype, "constructor", { value: Ahead, writable: true, configurable: true });
  Object.defineProperty(realm, "Date", { value: Ahead, writable: true, configurable: true });
}

advance(globalThis, AHEAD_MS);
// A context, as of jest's environments, has a Date of its own.
const inside = new vm.Script(`(${advance})(globalThis, ${AHEAD_MS})`);
const { createContext } = vm;
vm.createContext = function (...options) {
  const context = createContext.apply(this, options);
  inside.runInContext(context);
  return context;
};
syncBuiltinESMExports();
