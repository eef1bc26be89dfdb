/** A small cache for values that are dear to compute and may be a little old. No function needs it yet. */
export class Cache<T> {
  readonly #entries = new Map<string, { value: T; until: number }>();

  constructor(private readonly seconds: number, private readonly capacity = 100) {}

  async get(key: string, compute: () => Promise<T>): Promise<T> {
    const found = this.#entries.get(key);
    if (found !== undefined && found.until > Date.now()) return found.value;
    const value = await compute();
    this.#entries.delete(key);
    this.#entries.set(key, { value, until: Date.now() + this.seconds * 1000 });
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size <= this.capacity) break;
      this.#entries.delete(oldest);
    }
    return value;
  }
}
