// Time has three traps here: Python's finest unit is the microsecond, its years end at 9999, and a timedelta keeps its
// sign in the days alone while a Duration has one sign for all parts.
import { Undecodable, Unencodable } from "./protocol_errors.ts";

/** Parts of a Python timedelta: `0 <= seconds < 86400`, `0 <= microseconds < 1000000`, the sign is in `days`. */
export type TimedeltaParts = readonly [days: number, seconds: number, microseconds: number];

const FINER = "Python times have microseconds at most";
const ROUND = 'round it first, for example with .round({ smallestUnit: "microsecond" })';

function checkCalendar(value: { calendarId: string; year: number }): void {
  if (value.calendarId !== "iso8601") {
    throw new Unencodable(`its calendar is ${value.calendarId}`, 'use .withCalendar("iso8601")');
  }
  if (value.year < 1 || value.year > 9999) {
    throw new Unencodable(`year ${value.year} is outside Python's range of 1 to 9999`, "pass it as text");
  }
}

/** The way Python writes fractions: none, or six digits. */
function fraction(value: { millisecond: number; microsecond: number; nanosecond: number }): 0 | 6 {
  if (value.nanosecond !== 0) throw new Unencodable(FINER, ROUND);
  return value.millisecond === 0 && value.microsecond === 0 ? 0 : 6;
}

/** Text of a date. */
export function dateText(value: Temporal.PlainDate): string {
  checkCalendar(value);
  return value.toString({ calendarName: "never" });
}

/** Text of a naive time. */
export function timeText(value: Temporal.PlainTime): string {
  return value.toString({ fractionalSecondDigits: fraction(value) });
}

/** Text of a naive datetime. */
export function plainDateTimeText(value: Temporal.PlainDateTime): string {
  checkCalendar(value);
  return value.toString({ calendarName: "never", fractionalSecondDigits: fraction(value) });
}

/** Text of an aware datetime: with a zone name in brackets unless the zone is an offset. */
export function zonedDateTimeText(value: Temporal.ZonedDateTime): string {
  checkCalendar(value);
  if (value.offsetNanoseconds % 60_000_000_000 !== 0) {
    throw new Unencodable(
      `its offset ${value.offset} has seconds, which the protocol cannot carry`,
      'use .withTimeZone("UTC")',
    );
  }
  return value.toString({
    calendarName: "never",
    fractionalSecondDigits: fraction(value),
    timeZoneName: /^[+-]/.test(value.timeZoneId) ? "never" : "auto",
  });
}

/** Text of a moment, in UTC. */
export function instantText(value: Temporal.Instant): string {
  const nanoseconds = value.epochNanoseconds;
  if (nanoseconds % 1000n !== 0n) throw new Unencodable(FINER, ROUND);
  const micros = ((nanoseconds % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n / 1000n;
  const millis = Number((nanoseconds - micros * 1000n) / 1_000_000n);
  return dateSecondsText(new Date(millis)) + (micros === 0n ? "" : `.${String(micros).padStart(6, "0")}`) + "+00:00";
}

/** Text of a JavaScript date, in UTC. */
export function jsDateText(value: Date): string {
  if (Number.isNaN(value.getTime())) throw new Unencodable("it is an invalid date", "pass null for no date");
  const millis = value.getUTCMilliseconds();
  return dateSecondsText(value) + (millis === 0 ? "" : `.${String(millis).padStart(3, "0")}000`) + "+00:00";
}

/** `YYYY-MM-DDTHH:MM:SS` of a date in UTC. */
function dateSecondsText(value: Date): string {
  checkCalendar({ calendarId: "iso8601", year: value.getUTCFullYear() });
  return value.toISOString().slice(0, 19);
}

/** Parts of a duration as Python keeps them. */
export function timedeltaParts(value: Temporal.Duration): TimedeltaParts {
  if (value.years !== 0 || value.months !== 0) {
    throw new Unencodable("years and months have no fixed length", "give days instead");
  }
  const nanoseconds = BigInt(value.weeks) * 604_800_000_000_000n + BigInt(value.days) * 86_400_000_000_000n +
    BigInt(value.hours) * 3_600_000_000_000n + BigInt(value.minutes) * 60_000_000_000n +
    BigInt(value.seconds) * 1_000_000_000n + BigInt(value.milliseconds) * 1_000_000n +
    BigInt(value.microseconds) * 1000n + BigInt(value.nanoseconds);
  if (nanoseconds % 1000n !== 0n) throw new Unencodable(FINER, ROUND);
  const total = nanoseconds / 1000n;
  const inDay = ((total % 86_400_000_000n) + 86_400_000_000n) % 86_400_000_000n;
  const days = Number((total - inDay) / 86_400_000_000n);
  if (days < -999_999_999 || days > 999_999_999) {
    throw new Unencodable(`${days} days are outside Python's range of ±999999999`, "pass a number");
  }
  return [days, Number(inDay / 1_000_000n), Number(inDay % 1_000_000n)];
}

/** Temporal, or the reason why there is none. */
function temporal(): typeof Temporal {
  if (typeof Temporal === "undefined") {
    throw new Undecodable("Python sent a time value, and this runtime has no Temporal; install a polyfill as a global");
  }
  return Temporal;
}

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?([+-]\d\d:\d\d)?(\[[^\]]+\])?$/;
const DATE = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d\d:\d\d:\d\d(?:\.\d{1,6})?$/;

/** Calls a parser of Temporal, whose errors say little, and says which text it was. */
function parsed<T>(what: string, text: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof Undecodable) throw error;
    throw new Undecodable(
      `${what} ${JSON.stringify(text)} is not one: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** A datetime from its text. */
export function parseDateTime(text: string): Temporal.PlainDateTime | Temporal.ZonedDateTime {
  const match = DATE_TIME.exec(text);
  const [, offset, zone] = match ?? [];
  if (match === null || (zone !== undefined && offset === undefined)) {
    throw new Undecodable(`datetime ${JSON.stringify(text.slice(0, 100))} is not one`);
  }
  return parsed("datetime", text, () => {
    const { PlainDateTime, ZonedDateTime } = temporal();
    if (offset === undefined) return PlainDateTime.from(text, { overflow: "reject" });
    // "use" keeps the moment exact even where the two halves have different editions of the zone database.
    return ZonedDateTime.from(zone === undefined ? `${text}[${offset}]` : text, { offset: "use", overflow: "reject" });
  });
}

/** A date from its text. */
export function parseDate(text: string): Temporal.PlainDate {
  if (!DATE.test(text)) throw new Undecodable(`date ${JSON.stringify(text.slice(0, 100))} is not one`);
  return parsed("date", text, () => temporal().PlainDate.from(text, { overflow: "reject" }));
}

/** A naive time from its text. */
export function parseTime(text: string): Temporal.PlainTime {
  if (!TIME.test(text)) throw new Undecodable(`time ${JSON.stringify(text.slice(0, 100))} is not one`);
  return parsed("time", text, () => temporal().PlainTime.from(text, { overflow: "reject" }));
}

/** A duration from the parts of a timedelta; its largest unit is the day. */
export function durationOf(days: unknown, seconds: unknown, microseconds: unknown): Temporal.Duration {
  for (const part of [days, seconds, microseconds]) {
    if (!Number.isSafeInteger(part)) throw new Undecodable("timedelta has a part that is not an integer");
  }
  const total = (BigInt(days as number) * 86_400n + BigInt(seconds as number)) * 1_000_000n +
    BigInt(microseconds as number);
  const sign = total < 0n ? -1 : 1;
  let rest = total < 0n ? -total : total;
  const take = (unit: bigint): number => {
    const count = rest / unit;
    rest %= unit;
    return count === 0n ? 0 : sign * Number(count);
  };
  return parsed("timedelta", String(total), () =>
    temporal().Duration.from({
      days: take(86_400_000_000n),
      hours: take(3_600_000_000n),
      minutes: take(60_000_000n),
      seconds: take(1_000_000n),
      milliseconds: take(1000n),
      microseconds: take(1n),
    }));
}
