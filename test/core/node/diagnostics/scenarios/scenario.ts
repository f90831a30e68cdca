import type { Finding } from "../../../../../core/model/records.ts";
import type { Situation } from "../machine.ts";

/** A machine in which a check finds what `code` names, with the longest realistic names: its sentences must still fit. */
export type Scenario = {
  name: string;
  code: string;
  outcome: Finding["outcome"];
  values?: Record<string, string>;
  fix?: string;
  since?: number;
} & Situation;

export const gib = 1024 ** 3;

/** For `compute-rack11-unit07.dc1.example.com` and 10.0.0.5; its key was thrown away. */
export const certificate =
  "-----BEGIN CERTIFICATE-----\nMIIBrzCCAWGgAwIBAgIUUtGRYntjcXzr80mmvSk33mCc2pAwBQYDK2VwMC8xLTAr\nBgNVBAMMJDBiMWYyYzNkLTAwMDAtNDAwMC04MDAwLTAwMDAwMDAwMDAwMTAgFw0y\nNjExMjExMzA3NTBaGA8yMTI2MTAyODEzMDc1MFowLzEtMCsGA1UEAwwkMGIxZjJj\nM2QtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxMCowBQYDK2VwAyEAZCW1nm61\n2wfboE2+pDIZum24pyVd4T2Dh+3faB5JLxujgYwwgYkwHQYDVR0OBBYEFDHmosrR\ntiwFf7dUzhldW008pfhOMB8GA1UdIwQYMBaAFDHmosrRtiwFf7dUzhldW008pfhO\nMA8GA1UdEwEB/wQFMAMBAf8wNgYDVR0RBC8wLYIlY29tcHV0ZS1yYWNrMTEtdW5p\ndDA3LmRjMS5leGFtcGxlLmNvbYcECgAABTAFBgMrZXADQQBTCypAvARIm/YGpRUe\n7emijs3/4tse5WxutRmanCTrdTySJjFIwHQjSiu61P3s3ssRKaxMtM8ogLJh03Py\nj1kD\n-----END CERTIFICATE-----\n";
