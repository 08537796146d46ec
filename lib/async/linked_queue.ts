/** A place in a {@linkcode LinkedQueue}; keeps what is needed to leave it early. */
export interface QueueNode<T> {
  /** What waits. */
  readonly value: T;
  /** @ignore */
  previous: QueueNode<T> | undefined;
  /** @ignore */
  next: QueueNode<T> | undefined;
  /** @ignore */
  queued: boolean;
}

/** First in, first out, with removal from the middle in constant time: callers go away. */
export class LinkedQueue<T> {
  #head: QueueNode<T> | undefined;
  #tail: QueueNode<T> | undefined;
  #size = 0;

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** The first, left where it is. */
  peek(): T | undefined {
    return this.#head?.value;
  }

  /** Adds at the end. */
  push(value: T): QueueNode<T> {
    const node: QueueNode<T> = { value, previous: this.#tail, next: undefined, queued: true };
    if (this.#tail === undefined) this.#head = node;
    else this.#tail.next = node;
    this.#tail = node;
    this.#size += 1;
    return node;
  }

  /** Adds at the front. */
  unshift(value: T): QueueNode<T> {
    const node: QueueNode<T> = { value, previous: undefined, next: this.#head, queued: true };
    if (this.#head === undefined) this.#tail = node;
    else this.#head.previous = node;
    this.#head = node;
    this.#size += 1;
    return node;
  }

  /** Takes the first. */
  shift(): T | undefined {
    const node = this.#head;
    if (node === undefined) return undefined;
    this.remove(node);
    return node.value;
  }

  /** Takes `node` out, wherever it stands; false when it had left already. */
  remove(node: QueueNode<T>): boolean {
    if (!node.queued) return false;
    node.queued = false;
    if (node.previous === undefined) this.#head = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#tail = node.previous;
    else node.next.previous = node.previous;
    node.previous = node.next = undefined;
    this.#size -= 1;
    return true;
  }

  /** Walks from first to last; the one in hand may be removed. */
  *[Symbol.iterator](): Generator<QueueNode<T>> {
    let node = this.#head;
    while (node !== undefined) {
      const next = node.next;
      yield node;
      node = next;
    }
  }
}
