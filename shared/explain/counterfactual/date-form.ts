/** How a date was sent, so that one that moved comes back in the same way: seconds since the epoch, or ISO 8601 (data/cells.ts) to the day, minute or second, with its zone. */

export interface DateForm {
  /** The least that the form can tell apart, in seconds. */
  readonly unitS: number;
  /** A moment on that grid, in seconds since the epoch. */
  write(epochS: number): number | string;
}

const FORM =
  /^\d{4}-\d\d-\d\d(?:(?<between>[T ])\d\d:\d\d(?<second>:\d\d(?<fraction>\.\d+)?)?(?<zone>Z|[+-]\d\d:?\d\d)?)?$/;
const DAY_S = 86_400;
/** Years that ISO 8601 writes with four digits. */
const [FIRST_MS, END_MS] = [Date.parse('0000-01-01'), Date.parse('+010000-01-01T00:00:00Z')];

/** What is missing would be sent to the second, in UTC. */
export function dateFormOf(sent: unknown): DateForm {
  if (typeof sent === 'number') return { unitS: 1, write: (epochS) => epochS };
  const written = typeof sent === 'string' ? sent.trim() : '1970-01-01T00:00:00Z';
  const { between, second, fraction = '', zone = '' } = FORM.exec(written)?.groups ?? {};
  const offsetS = offsetOf(zone);
  return {
    unitS: between === undefined ? DAY_S : second === undefined ? 60 : 1,
    write(epochS) {
      const local = new Date((epochS + offsetS) * 1000);
      if (!(local.getTime() >= FIRST_MS && local.getTime() < END_MS)) return epochS;
      const [day, time] = local.toISOString().split('T') as [string, string];
      if (between === undefined) return day;
      const clock = second === undefined ? time.slice(0, 5) : `${time.slice(0, 8)}${fraction.replace(/\d/g, '0')}`;
      return `${day}${between}${clock}${zone}`;
    },
  };
}

/** Of +02:00 or -0530, in seconds. */
function offsetOf(zone: string): number {
  if (zone === '' || zone === 'Z') return 0;
  const [hours, minutes] = [Number(zone.slice(1, 3)), Number(zone.slice(-2))];
  return (zone.startsWith('-') ? -60 : 60) * (60 * hours + minutes);
}
