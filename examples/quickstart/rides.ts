// A year and a half of bicycle rentals in four districts, made up but not random: the same file on every machine.

const DISTRICTS = ["harbour", "hills", "old town", "university"] as const;
const DAYS = 550;
const FIRST_DAY = Temporal.PlainDate.from("2024-01-01");

/** The rentals as CSV: one row for each day, district and kind of day, some thousand rows. */
export function ridesCsv(): string {
  const random = randomNumbers(20_240_101);
  const rows = ["date,district,season,temperature,rain,weekend,rides"];
  for (let day = 0; day < DAYS; day += 1) {
    const date = FIRST_DAY.add({ days: day });
    const warmth = Math.sin(((date.dayOfYear - 105) / 365) * 2 * Math.PI);
    const temperature = 12 + 10 * warmth + 6 * (random() - 0.5);
    const rain = random() < 0.3 ? 12 * random() : 0;
    const weekend = date.dayOfWeek >= 6;
    for (const [index, district] of DISTRICTS.entries()) {
      for (const part of [0, 1]) {
        const base = 120 + 35 * index + 6 * temperature - 7 * rain + (weekend ? 45 - 30 * index : 0) + 25 * part;
        const rides = Math.max(0, Math.round(base + 40 * (random() - 0.5)));
        rows.push([
          date,
          district,
          seasonOf(date.month),
          temperature.toFixed(1),
          rain.toFixed(1),
          Number(weekend),
          rides,
        ].join(","));
      }
    }
  }
  return `${rows.join("\n")}\n`;
}

function seasonOf(month: number): string {
  return ["winter", "spring", "summer", "autumn"][Math.floor((month % 12) / 3)] as string;
}

/** A small generator of numbers from 0 to 1 that gives the same ones everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
