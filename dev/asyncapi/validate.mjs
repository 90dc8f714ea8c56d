// Validates AsyncAPI documents with the parser of the AsyncAPI initiative. Exit status 1 if it finds anything, a warning included.
import { readFileSync } from 'node:fs';
import { Parser } from '@asyncapi/parser';
import { AvroSchemaParser } from '@asyncapi/avro-schema-parser';

const parser = new Parser();
parser.registerSchemaParser(AvroSchemaParser());
for (const file of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(file, 'utf8'));
  for (const { path, message } of diagnostics) console.error(`${file}: ${path.join('.')}: ${message}`);
  if (!document || diagnostics.length > 0) process.exitCode = 1;
}
