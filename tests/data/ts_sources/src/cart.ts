/* A shopping cart: every kind of function and of TypeScript syntax that a procedural bug must leave intact. */
import type { Clock } from "./clock";
import { assertNever, type Money } from "./money.js";

export enum Status {
    Open = 1 << 0,
    Paid = 1 << 1,
    Sent = Open | Paid,
}

export type Line = { sku: string; count: number; price: Money };
type Keys<T> = { readonly [K in keyof T]?: T[K] extends (...rest: infer R) => unknown ? R : never };
type Route = `/cart/${string}` | -1 | 0;

declare function track(event: string, value?: number): void;
declare module "legacy" {
    export function legacy(a: number): number;
}

const DEFAULTS = { currency: "EUR", rounding: 2 } satisfies Record<string, string | number>;

function sealed<T extends new (...parameters: any[]) => object>(limit: number) {
    return (target: T) => {
        if (limit > 0 && target.length <= limit) Object.freeze(target.prototype);
        else track("sealed", target.length);
    };
}

function bound(_target: unknown, name: string) {
    track(name);
}

export abstract class Store<T extends Line = Line> implements Iterable<T> {
    static #instances = 0;
    static {
        Store.#instances = 0;
    }

    protected readonly lines: Map<string, T> = new Map<string, T>();
    private listeners = new Set<(line: T) => void>();
    onChange?: (line: T) => void;
    compare = (a: T, b: T): number => (a.price < b.price ? -1 : a.price > b.price ? 1 : 0);

    constructor(
        protected clock: Clock,
        public readonly limit = 100,
    ) {
        Store.#instances += 1;
        this.onChange = undefined;
    }

    get size(): number {
        return this.lines.size;
    }

    set quota(value: number) {
        if (value < 0 || value > this.limit) throw new RangeError(`quota ${value} is out of 0..${this.limit}`);
        this.#quota = value | 0;
    }

    #quota: number = 0x1f;

    #left(): number {
        return this.#quota - this.size;
    }

    abstract persist(line: T): Promise<void>;

    @bound
    async add(line: T, count: number = 1): Promise<number> {
        const known = this.lines.get(line.sku);
        if (known !== undefined) {
            known.count += count;
        } else if (this.#left() <= 0) {
            throw new Error("full");
        } else {
            this.lines.set(line.sku, { ...line, count } as T);
        }
        await this.persist(known ?? line);
        for (const listener of this.listeners) {
            listener(line);
        }
        return this.lines.get(line.sku)!.count;
    }

    *[Symbol.iterator](): IterableIterator<T> {
        for (const [, line] of this.lines) yield line;
    }
}

export function total(lines: readonly Line[]): number;
export function total(lines: readonly Line[], rate: number, floor?: number): number;
export function total(lines: readonly Line[], rate = 0, floor = 0): number {
    let sum = 0;
    for (let i = 0; i < lines.length; i++) {
        const { count, price } = lines[i]!;
        sum += count * Number(price);
    }
    const taxed = sum + (sum * rate) / 100;
    return Math.max(floor, Math.round(taxed * 10 ** 2) / 10 ** 2);
}

export const isLine = (value: unknown): value is Line =>
    typeof value === "object" && value !== null && "sku" in value && !(value instanceof Date);

export function assertLine(value: unknown): asserts value is Line {
    if (!isLine(value)) throw new TypeError("no line: " + String(value));
}

export const formats = {
    short(line: Line): string {
        return line.count > 1 ? `${line.count} x ${line.sku}` : line.sku;
    },
    long: (line: Line) => formats.short(line) + " à " + line.price + " " + DEFAULTS.currency,
    "by status": function (status: Status) {
        switch (status) {
            case Status.Open:
                return "open";
            case Status.Paid: {
                let label = "paid";
                label += status > 1 ? "!" : "";
                return label;
            }
            default:
                return assertNever(status as never);
        }
    },
    async *pages<T>(load: (page: number) => Promise<T[] | null>): AsyncGenerator<T[]> {
        let page = 1;
        let batch: T[] | null;
        while ((batch = await load(page)) !== null) {
            page += 1;
            yield batch;
        }
    },
};

export namespace Search {
    export function find<T>(rows: T[][], test: <U extends T>(row: U) => boolean): [number, number] | undefined {
        let found: [number, number] | undefined;
        outer: for (let i = 0; i < rows.length; i++) {
            let j = 0;
            do {
                if (test(rows[i]![j] as T)) {
                    found = [i, j];
                    break outer;
                }
                j++;
            } while (j < rows[i]!.length);
        }
        return found;
    }
}

export default function (route: Route, keys: Keys<typeof formats>): boolean {
    const flags = (route === -1 ? 1 : 2) & 3;
    return flags >>> 1 === 0 || keys.short?.length === 1;
}
