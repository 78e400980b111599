// What becomes of what is published: taken, taken and not imported, or refused item by item.

import {VALIDATORS} from "./chain.js";

/** A list of which some entries are refused (`IndexedErrorMessage`). */
export class IndexedError extends Error {
  constructor(message, failures) {
    super(message);
    this.failures = failures;
  }
}

/** The validator whose messages are refused. */
export const REFUSED = VALIDATORS - 1;
/** What is asked of a block that is taken, but not into this beacon's chain. */
export const NOT_IMPORTED = "consensus_and_equivocation";

export const TAKEN = {status: 200};

/** Refuses the entries of which `validator` is the one that is refused. */
export function take(entries, validator) {
  const failures = entries.flatMap((entry, index) =>
    validator(entry) === REFUSED ? [{index, message: "its signature is not valid"}] : []
  );
  if (failures.length > 0) throw new IndexedError("some of it was refused", failures);
  return TAKEN;
}

/** What is published of a block. */
export function published(args) {
  return {status: args.broadcastValidation === NOT_IMPORTED ? 202 : 200};
}
