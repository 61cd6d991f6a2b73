// Put in front of every source of the mutants' build (see run.py): which mutant is on, and which were reached.
#pragma once

extern int cv_mutant_on;                 // MUTANT of the environment; -1: none
extern volatile unsigned char *cv_mutant_reached; // a byte each, in the file MUTANTS_REACHED of the environment

static inline int cv_mutant(int n) {
    cv_mutant_reached[n] = 1;
    return n == cv_mutant_on;
}
