export interface Interval {
  start: number;
  end: number;
}

/** Join intervals that overlap or touch; the result is sorted. */
export function merge(intervals: Interval[]): Interval[] {
  const sorted = [...intervals].sort((a, b) => a.start - b.start);
  const merged: Interval[] = [];
  for (const { start, end } of sorted) {
    const last = merged[merged.length - 1];
    if (last !== undefined && start <= last.end) {
      last.end = Math.max(last.end, end);
    } else {
      merged.push({ start, end });
    }
  }
  return merged;
}

/** How much of the line the intervals cover together. */
export function coverage(intervals: Interval[]): number {
  let total = 0;
  for (const { start, end } of merge(intervals)) {
    total += end - start;
  }
  return total;
}

/** Whether a point lies in an interval; the end does not belong to it. */
export function contains(interval: Interval, point: number): boolean {
  return interval.start <= point && point < interval.end;
}
