export interface Task<R = void> {
  readonly weight: number
  run(signal?: AbortSignal): Promise<R>
}

const noop = <T,>(value: T) => value

export class Queue<R> {
  private running = 0
  private waiting: Array<{ task: Task<R>; done: (value: R) => void }> = []

  constructor(private readonly limit: number, readonly name = 'queue') {}

  push(task: Task<R>, first = false): Promise<R> {
    return new Promise<R>((resolve) => {
      const entry = { task, done: resolve }
      if (first) this.waiting.unshift(entry)
      else this.waiting.push(entry)
      this.pump()
    })
  }

  private pump() {
    while (this.running < this.limit && this.waiting.length > 0) {
      const next = this.waiting.shift()!
      this.running += next.task.weight
      void next.task.run().then((value) => {
        this.running -= next.task.weight
        next.done(noop(value))
        this.pump()
      })
    }
  }
}

export async function retry<T>(work: () => Promise<T>, { times = 3, wait = 50 } = {}): Promise<T> {
  let error: unknown
  for (let attempt = 0; attempt < times; attempt += 1) {
    try {
      return await work()
    } catch (caught) {
      error = caught
      await new Promise((resolve) => setTimeout(resolve, wait * 2 ** attempt))
    }
  }
  throw error instanceof Error ? error : new Error(String(error), { cause: error })
}

export function window_(values: number[], size: number): number[] {
  const sums: number[] = []
  let sum = 0
  values.forEach((value, index) => {
    sum = sum + value - (index >= size ? values[index - size]! : 0)
    if (index >= size - 1) sums.push(sum)
  })
  ;[sum] = sums
  return sums
}
