// Test sequencer for a warm jest: the test files in the order of the command, and not the one that earlier candidates' times suggest.
"use strict";

module.exports = class {
  sort(tests) {
    return tests;
  }

  shard(tests) {
    return tests;
  }

  allFailedTests(tests) {
    return tests;
  }

  cacheResults() {}
};
