/* SPDX-License-Identifier: MIT */
/* Marks of the span that pizero-sim counts, and a lap of its clock: instructions that do nothing on any ARM. */
#ifndef PIZERO_ROI_H
#define PIZERO_ROI_H

#if defined(__arm__) && !defined(__thumb__)
#define PIZERO_ROI_BEGIN() __asm__ volatile("orr r11, r11, r11" ::: "memory")
#define PIZERO_ROI_END()   __asm__ volatile("orr r12, r12, r12" ::: "memory")
#define PIZERO_LAP()       __asm__ volatile("orr r10, r10, r10" ::: "memory")
#elif defined(__aarch64__)
#define PIZERO_ROI_BEGIN() __asm__ volatile("orr x11, x11, x11" ::: "memory")
#define PIZERO_ROI_END()   __asm__ volatile("orr x12, x12, x12" ::: "memory")
#define PIZERO_LAP()       ((void)0)
#else
#define PIZERO_ROI_BEGIN() ((void)0)
#define PIZERO_ROI_END()   ((void)0)
#define PIZERO_LAP()       ((void)0)
#endif

#endif
