import { main } from '../src/index.js';

// The command line from source, for child processes: node --conditions=@inkstone/source --import tsx cli.ts ...
await main(process.argv.slice(2));
