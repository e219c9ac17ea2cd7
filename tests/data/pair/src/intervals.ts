/** An interval of a line: its start belongs to it, its end does not. */
export type Interval = { start: number; end: number };

/** How long an interval is; nothing where it ends before it starts. */
export function length(interval: Interval): number {
  if (interval.end <= interval.start) {
    return 0;
  }
  return interval.end - interval.start;
}

/** Whether two intervals have a point in common. */
export function overlap(one: Interval, other: Interval): boolean {
  return one.start < other.end && other.start < one.end;
}

/** The interval from the first start to the last end. */
export function hull(one: Interval, other: Interval): Interval {
  return { start: Math.min(one.start, other.start), end: Math.max(one.end, other.end) };
}
