/*
 * Sentences of the diagnostics, in both languages side by side: `diagnosis.CODE.what`, `.why`, `.remedy` for each code
 * that a check in core/node/diagnostics may answer.
 */

export const diagnosisEn = {} as const;

export const diagnosisZh: Readonly<Record<keyof typeof diagnosisEn, string>> = {};
