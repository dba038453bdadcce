export function missingTools(platform?: string, has?: (command: string) => boolean): string[];
