/** The few colors that the environments draw with. */
export const COLORS = {
  paper: '#f4f5f7',
  ink: '#2f3b4c',
  grey: '#9aa5b1',
  mist: '#dde3ea',
  blue: '#3d7bd9',
  sky: '#cfe3f7',
  orange: '#f08c3a',
  red: '#d9534f',
  green: '#4caf7a',
  meadow: '#b9d8a8',
  gold: '#f2c14e',
  violet: '#8d6bc8',
  teal: '#2ba6a0',
  earth: '#a9835c',
} as const
