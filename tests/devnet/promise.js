// Lodestar 1.5.1's dependencies call Promise.withResolvers, which Node has only since version 22.
// Loaded before everything else with NODE_OPTIONS="--require promise.js".
"use strict";

if (typeof Promise.withResolvers !== "function") {
  Promise.withResolvers = function withResolvers() {
    let resolve;
    let reject;
    const promise = new this((res, rej) => {
      resolve = res;
      reject = rej;
    });
    return { promise, resolve, reject };
  };
}
