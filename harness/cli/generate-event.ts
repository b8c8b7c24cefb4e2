/** `local generate-event <service> <event>`: prints a sample event, with the values given. Mirrors aws-sam-cli. */
import type { Command } from 'commander';
import { EVENTS } from './events.ts';

/** The option's name as commander stores it. */
function camelCase(name: string): string {
  return name.replace(/-(\w)/g, (_match, letter: string) => letter.toUpperCase());
}

/** Adds `generate-event` to the `local` command. */
export function addGenerateEvent(local: Command): void {
  const generate = local.command('generate-event').description('print a sample event of an AWS service');
  for (const [service, kinds] of Object.entries(EVENTS)) {
    const ofService = generate.command(service);
    for (const [kind, template] of Object.entries(kinds)) {
      const command = ofService.command(kind).description(`print ${template.describes}`);
      for (const [name, fallback] of Object.entries(template.options))
        command.option(`--${name} <value>`, `default: ${fallback}`);
      command.action((given: Record<string, string>) => {
        const values = Object.fromEntries(
          Object.entries(template.options).map(([name, fallback]) => [name, given[camelCase(name)] ?? fallback]),
        );
        process.stdout.write(`${JSON.stringify(template.build(values), null, 2)}\n`);
      });
    }
  }
}
